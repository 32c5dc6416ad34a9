"""Events with one id: two where their devices differ, else a copy or a conflict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support import nami
from tests.support.singer import record, schema, state
from tests.support.story import about, at

if TYPE_CHECKING:
    from tests.support.run_target import TargetRun
    from tests.support.story import Record, RunHarness

ID = nami.event_id(1)


def impression(**fields: Any) -> Record:
    """Return an event with always the same id, of user 1 and his device."""
    return about(1, nami.impression(1, created_date=at(1))) | fields


def bought(number: int, **fields: Any) -> Record:
    """Return an event of a user who tells no device, with always the same id."""
    return nami.subscription(number, id=ID, devices=None, **fields)


FIRST = impression()

# What comes second, whether it is an event of its own, and whether it is a conflict.
SECONDS = [
    pytest.param(FIRST, FIRST, False, False, id="the same again"),
    pytest.param(FIRST, FIRST | {"price": 1}, False, False, id="with more to it"),
    pytest.param(
        FIRST,
        impression(created_date="2026-06-01T08:00:00Z"),
        False,
        False,
        id="its time rounded",
    ),
    pytest.param(
        FIRST, impression(created_date=at(2)), False, True, id="on another day"
    ),
    pytest.param(
        FIRST,
        impression(created_date="2026-06-01T08:00:05.25Z"),
        False,
        True,
        id="five seconds later",
    ),
    pytest.param(
        FIRST,
        impression(event_type="device.transaction"),
        False,
        True,
        id="of another type",
    ),
    pytest.param(
        FIRST,
        impression(user_id=nami.identifier(2, 2)),
        False,
        False,
        id="another user on the device",
    ),
    pytest.param(
        FIRST, impression(device_id=nami.device_id(2)), True, False, id="another device"
    ),
    pytest.param(bought(1), bought(1), False, False, id="no device, the same again"),
    pytest.param(bought(1), bought(2), True, False, id="no device, another user"),
    pytest.param(
        bought(1),
        bought(1, created_date=at(9)),
        False,
        True,
        id="no device, on another day",
    ),
]


def assert_settled(
    run: TargetRun,
    harness: RunHarness,
    *,
    is_own: bool,
    is_conflict: bool,
    delivered: int,
) -> None:
    """Check what became of two events, and that Amplitude was sent nothing twice."""
    report = run.report
    assert report["delivered"] == delivered
    assert report["duplicate"] == (0 if is_own else 1)
    assert report["id_conflict"] == is_conflict
    assert report["named_id_conflicts"] == [ID] * is_conflict
    assert len(harness.events) == 1 + is_own
    assert harness.local.summary().duplicates == 0
    warning = "another type or time; Amplitude keeps one of the two"
    assert (warning in run.log) is is_conflict


@pytest.mark.parametrize(("first", "second", "is_own", "is_conflict"), SECONDS)
@pytest.mark.parametrize("most_events", [1, 2000])
def test_of_two_events_of_one_run_with_one_id(  # noqa: PLR0913
    harness: RunHarness,
    first: Record,
    second: Record,
    most_events: int,
    *,
    is_own: bool,
    is_conflict: bool,
) -> None:
    del harness.settings["memory_path"]
    run = harness.run([first, second], batch_size_rows=most_events)
    assert_settled(
        run, harness, is_own=is_own, is_conflict=is_conflict, delivered=1 + is_own
    )


@pytest.mark.parametrize(("first", "second", "is_own", "is_conflict"), SECONDS)
def test_of_two_events_of_two_runs_with_one_id(
    harness: RunHarness,
    first: Record,
    second: Record,
    *,
    is_own: bool,
    is_conflict: bool,
) -> None:
    harness.run([first])
    run = harness.run([second])
    assert_settled(
        run, harness, is_own=is_own, is_conflict=is_conflict, delivered=int(is_own)
    )
    # Nor is what was first forgotten for what came second.
    assert harness.run([first]).report["id_conflict"] == 0


def test_of_very_many_copies_each_is_sent_once_whatever_lane_it_is_in(
    harness: RunHarness,
) -> None:
    events, copies = 40, 10
    records = [
        about(1, nami.impression(number)) | {"user_id": f"user-{copy}", "copy": copy}
        for number in range(events)
        for copy in range(copies)
    ]
    run = harness.run(records, batch_size_rows=7, parallel_requests=16)
    assert run.report["delivered"] == events
    assert run.report["duplicate"] == events * (copies - 1)
    assert sorted(harness.ids) == sorted(map(nami.event_id, range(events)))
    assert harness.local.summary().duplicates == 0


def test_the_first_five_ids_of_conflicts_are_named(harness: RunHarness) -> None:
    harness.settings["metrics_path"] = "metrics.txt"
    numbers = range(8)
    records = [
        nami.impression(number, created_date=at(day))
        for day in (1, 2)
        for number in numbers
    ]
    run = harness.run(records)
    assert run.report["id_conflict"] == len(numbers)
    named = run.report["named_id_conflicts"]
    assert sorted(set(named) & set(map(nami.event_id, numbers))) == sorted(named)
    assert len(named) == 5
    metrics = (harness.folder / "metrics.txt").read_text()
    assert "amplitude_nami_run_id_conflicts{" in metrics
    [line] = [line for line in run.logged() if line.startswith("id_conflict: ")]
    assert line.startswith("id_conflict: 8 duplicates")
    assert all(insert_id in line for insert_id in named)


def test_who_gets_a_name_is_not_sent_the_events_of_before_again(
    harness: RunHarness,
) -> None:
    """A tap reads its last row again, and the user has logged in since."""
    harness.settings["anonymous_users"] = "nami_user_id"
    nameless = about(1, nami.impression(1, device_id=None, created_date=at(1)))
    harness.run([nameless])
    login = nami.subscription(2, user_id=nameless["user_id"], devices=None)
    run = harness.run([login, nameless])
    assert run.report["delivered"] == 1
    assert run.report["duplicate"] == 1
    assert run.report["id_conflict"] == 0


def test_a_state_waits_for_both_of_two_events_with_one_id(harness: RunHarness) -> None:
    messages = [
        schema("events"),
        record("events", FIRST),
        record("events", impression(created_date=at(2))),
        state({"read": 2}),
    ]
    assert harness.run_messages(messages).states == [{"read": 2}]
