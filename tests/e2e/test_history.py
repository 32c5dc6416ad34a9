"""Old events: what a backfill does with them, and what is logged without one."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.run import Run
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.shutdown import Shutdown
from target_amplitude_nami.store.null import NullStore
from tests.support import nami, singer
from tests.support.outcomes import NotedRejects
from tests.support.run_target import API_KEY, TargetRun, run_target
from tests.support.story import about, as_of, change
from tests.support.target_harness import TargetHarness

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.support.story import RunHarness

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
MILLISECOND = timedelta(milliseconds=1)


def trial(number: int, **fields: Any) -> dict[str, Any]:
    """Return an old event with the state of a trial."""
    return nami.subscription(
        number,
        "user.journey.trial.started",
        customer_journey_state={"in_trial_period": True},
        **fields,
    )


def test_a_backfill_leaves_the_users_as_they_are(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    config = {"api_key": API_KEY, "endpoint": local_amplitude.endpoint("batch")}
    now = singer.records("users", [nami.user(1)])
    run_target(tmp_path, config | {"api": "batch"}, now)
    before = local_amplitude.user_properties(nami.external_id(1))
    assert before is not None
    assert before["namiml_in_trial_period"] is False

    run = run_target(
        tmp_path, config | {"backfill": True}, singer.records("events", [trial(1)])
    )
    assert run.exit_code == 0, run.log
    assert local_amplitude.user_properties(nami.external_id(1)) == before
    [event] = local_amplitude.events()
    assert event.export["user_properties"]["namiml_in_trial_period"] is True


def test_a_backfill_still_takes_the_state_of_user_records(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    config = {"api_key": API_KEY, "endpoint": local_amplitude.endpoint("batch")}
    messages = [
        *singer.records("events", [trial(1)]),
        *singer.records("users", [nami.user(1)]),
    ]
    run_target(tmp_path, config | {"backfill": True}, messages)
    properties = local_amplitude.user_properties(nami.external_id(1)) or {}
    assert properties["namiml_in_trial_period"] is False


def test_what_a_backfill_delivered_is_known_when_it_comes_again_by_the_other_api(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    config = {"api_key": API_KEY, "memory_path": "memory.db"}
    messages = singer.records("events", [trial(1), trial(2)])
    batch = {"endpoint": local_amplitude.endpoint("batch"), "backfill": True}
    assert run_target(tmp_path, config | batch, messages).report["delivered"] == 2

    live = {"endpoint": local_amplitude.endpoint("http_v2")}
    run = run_target(tmp_path, config | live, messages)
    assert run.report["duplicate"] == 2, run.log
    assert len(list(local_amplitude.requests())) == 1


@pytest.mark.parametrize(
    ("settings", "api"),
    [
        ({}, "http_v2"),
        ({"backfill": True}, "batch"),
        ({"backfill": True, "api": "http_v2"}, "http_v2"),
    ],
)
def test_a_backfill_uses_the_batch_api_unless_set_otherwise(
    tmp_path: Path, settings: dict[str, Any], api: str
) -> None:
    messages = singer.records("events", [trial(1)])
    run = run_target(tmp_path, {"endpoint": "local"} | settings, messages)
    assert run.exit_code == 0, run.log
    reader = Reader(tmp_path / "output" / "local-amplitude.db")
    assert [request.api for request in reader.requests()] == [api]


# After a backfill, and within it


def backfill(harness: RunHarness, records: list[dict[str, Any]]) -> None:
    harness.run(records, api="batch", backfill=True)


def test_after_a_backfill_an_event_older_than_its_newest_is_late(
    harness: RunHarness,
) -> None:
    backfill(harness, [change(2, 2, "monthly"), change(3, 8, "yearly")])
    harness.run([change(4, 3, "weekly")])
    assert harness.skips == [True, True, True]
    assert harness.skus(1) is None


def test_after_a_backfill_new_state_is_sent(harness: RunHarness) -> None:
    backfill(harness, [change(2, 2, "monthly")])
    harness.run([as_of(3, "monthly")])
    assert harness.skus(1) == ["monthly"]
    harness.run([change(3, 4, "yearly")])
    assert harness.skus(1) == ["yearly"]


def test_a_backfill_sets_properties_by_user_records_alone(
    harness: RunHarness,
) -> None:
    backfill(harness, [change(2, 2, "monthly"), as_of(3, "monthly")])
    assert harness.skus(1) == ["monthly"]


@pytest.mark.parametrize("is_in_the_backfill", [True, False])
def test_a_backfill_teaches_the_state_that_later_events_do_not_tell(
    harness: RunHarness, *, is_in_the_backfill: bool
) -> None:
    silent = change(3, 4, None)
    for field in ("active_entitlements", "customer_journey_state", "devices"):
        del silent[field]
    records = [change(2, 2, "monthly")]
    if is_in_the_backfill:
        backfill(harness, [*records, silent])
    else:
        backfill(harness, records)
        harness.run([silent])
    assert harness.events[1].sent["user_properties"]["namiml_active_skus"] == [
        "monthly"
    ]


@pytest.mark.parametrize(("api", "share"), [("batch", 300), ("http_v2", 30)])
def test_a_backfill_spares_each_user(
    tmp_path: Path,
    local_amplitude: LocalAmplitude,
    monkeypatch: pytest.MonkeyPatch,
    api: str,
    share: int,
) -> None:
    # Its share of ten seconds may leave at once; here of one, so that it takes no ten.
    monkeypatch.setattr("target_amplitude_nami.delivery.rate_limits.WINDOW_SECONDS", 1)
    settings = {"endpoint": local_amplitude.endpoint(api), "api": api, "backfill": True}
    harness = TargetHarness(tmp_path, dry_run=False, api_key=API_KEY, **settings)
    records = [about(1, nami.impression(number)) for number in range(share + 1)]
    assert harness.take(singer.records("events", records)).delivered == len(records)
    requests = sorted(local_amplitude.requests(), key=lambda request: request.number)
    assert [request.events for request in requests] == [share, 1]
    assert requests[1].time - requests[0].time > 0.9


# The warning

OLD = "2020-05-29T00:57:11Z"


def warnings(run: TargetRun) -> list[str]:
    """Return what the log says of old events."""
    assert run.exit_code == 0, run.log
    return [line for line in run.logged("WARNING") if "`backfill`" in line]


def run_locally(
    folder: Path, records: Iterable[dict[str, Any]], **settings: Any
) -> TargetRun:
    return run_target(
        folder, {"endpoint": "local"} | settings, singer.records("events", records)
    )


def test_old_events_are_warned_of_once_with_what_helps(tmp_path: Path) -> None:
    run = run_locally(tmp_path, [nami.impression(n, created_date=OLD) for n in (1, 2)])
    [warning] = warnings(run)
    assert "7 days" in warning
    assert "2020-05-29" in warning
    assert "`memory_path`" in warning


@pytest.mark.parametrize(
    ("settings", "record"),
    [
        ({"backfill": True}, nami.impression(1, created_date=OLD)),
        ({"memory_path": "memory.db"}, nami.impression(1, created_date=OLD)),
        ({}, nami.user(1, updated_at=OLD)),
        ({"events": ["user.*"]}, nami.impression(1, created_date=OLD)),
        ({"start_date": "2026-01-01"}, nami.impression(1, created_date=OLD)),
        ({}, nami.impression(1, created_date=OLD, device_id="na")),
        ({}, nami.impression(1, created_date=datetime.now(UTC).isoformat())),
    ],
    ids=[
        *("a backfill", "a memory", "a user record", "not chosen", "before the start"),
        *("rejected", "not old"),
    ],
)
def test_old_events_are_not_warned_of_where_no_help_is_needed(
    tmp_path: Path, settings: dict[str, Any], record: dict[str, Any]
) -> None:
    assert warnings(run_locally(tmp_path, [record], **settings)) == []


@pytest.mark.parametrize(
    ("age", "is_warned"), [(WEEK - MILLISECOND, 0), (WEEK, 0), (WEEK + MILLISECOND, 1)]
)
def test_an_event_is_old_after_seven_days(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, age: timedelta, is_warned: int
) -> None:
    settings = Settings.load({"dry_run": True, "rejects_path": f"{tmp_path}/rejects"})
    run = Run(
        settings,
        store=NullStore(["main"]),
        rejects=NotedRejects([]),
        write_state=None,
        shutdown=Shutdown(),
        logger=logging.getLogger("test"),
        user_agent="test",
        now=NOW.timestamp,
    )
    try:
        run.notices.note_time(round((NOW - age).timestamp() * 1000))
    finally:
        run.close("failed")
    assert caplog.text.count("`backfill`") == is_warned
