"""Users without an External ID: what becomes of their records, by each policy."""

from __future__ import annotations

import io
import json
import signal
import time
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.local.faults import Do, Fault, Faults
from tests.support import nami, singer
from tests.support.run_target import API_KEY
from tests.support.story import (
    TOO_MUCH,
    RunHarness,
    about,
    as_of,
    at,
    bought,
    change,
    messages_of,
    shown,
)
from tests.support.target_harness import TargetHarness

if TYPE_CHECKING:
    from collections.abc import Callable

ANOTHER_KEY = "another" + API_KEY[7:]


def wait_until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that another process does."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


# A login, later


@pytest.mark.parametrize(
    ("policy", "before"),
    [
        ("device", nami.device_id(1)),
        ("nami_user_id", nami.identifier(2, 1)),
        ("skip", None),
        ("reject", None),
    ],
)
def test_a_user_who_logs_in_later_is_named_from_then_on(
    harness: RunHarness, policy: str, before: str | None
) -> None:
    harness.settings["anonymous_users"] = policy
    first = harness.run([shown(2, 1), as_of(2, "monthly", external_ids=[])])
    outcome = {"skip": "filtered", "reject": "rejected"}.get(policy, "delivered")
    assert first.report[outcome] == 2
    assert (harness.skus_of(before) if before else None) == (before and ["monthly"])
    harness.run([change(3, 3, "yearly"), shown(4, 4), as_of(5, "weekly")])
    names = [
        event.sent.get("user_id") or event.sent["device_id"] for event in harness.events
    ]
    assert names == [before] * bool(before) + [nami.external_id(1)] * 2
    assert harness.skus(1) == ["weekly"]


@pytest.mark.parametrize("policy", ["nami_user_id", "reject"])
def test_an_older_login_names_the_user_but_leaves_him_as_he_is(
    harness: RunHarness, policy: str
) -> None:
    harness.settings["anonymous_users"] = policy
    harness.run([change(3, 5, "yearly"), shown(4, 6)])
    harness.run([change(2, 3, "monthly"), as_of(4, "weekly")])
    assert harness.skus(1) == ["yearly"]


def test_a_reject_of_an_anonymous_user_is_delivered_after_the_login(
    harness: RunHarness,
) -> None:
    harness.settings["anonymous_users"] = "reject"
    harness.run([shown(2, 1)])
    harness.run([change(3, 3, "monthly")])
    rejects = harness.folder / "output" / "rejects.singer"
    text = rejects.read_bytes()
    rejects.unlink()
    harness.run_messages([text])
    assert harness.ids == [nami.event_id(3), nami.event_id(2)]
    assert {e.sent["user_id"] for e in harness.events} == {nami.external_id(1)}


# Held records


@pytest.fixture
def holding(harness: RunHarness) -> RunHarness:
    harness.settings["anonymous_users"] = "hold"
    return harness


def test_held_records_leave_in_order_as_soon_as_their_user_has_a_name(
    holding: RunHarness,
) -> None:
    first = holding.run([shown(3, 1), shown(2, 2), nami.impression(9)])
    assert first.report["held"] == first.report["waiting"] == 3
    assert first.report["waiting_since"]
    assert first.states == [{"read": "all"}]
    assert holding.events == []
    second = holding.run([shown(4, 3), change(5, 4, "monthly"), shown(6, 5)])
    assert holding.ids == [nami.event_id(number) for number in (3, 2, 4, 5, 6)]
    assert {e.sent["user_id"] for e in holding.events} == {nami.external_id(1)}
    assert [e.sent["time"] for e in holding.events] == sorted(
        e.sent["time"] for e in holding.events
    )
    assert second.report["released"] == 3
    assert second.report["waiting"] == 1


def test_a_held_record_that_comes_again_is_a_duplicate(holding: RunHarness) -> None:
    holding.run([shown(2, 1)])
    assert holding.run([shown(2, 1)]).report["duplicate"] == 1
    holding.run([change(3, 4, "monthly"), shown(2, 1)])
    assert holding.ids == [nami.event_id(2), nami.event_id(3)]


def test_a_held_record_that_cannot_be_sent_becomes_a_reject_that_can_be_read_again(
    holding: RunHarness,
) -> None:
    holding.run([shown(2, 1) | {"tags": TOO_MUCH}])
    holding.run([change(3, 4, "monthly")], max_request_bytes=20_000)
    assert holding.ids == [nami.event_id(3)]
    rejects = (holding.folder / "output" / "rejects.singer").read_bytes()
    (holding.folder / "output" / "rejects.singer").unlink()
    replay = holding.run_messages([rejects], exclude_properties=["tags"])
    assert replay.report["delivered"] == 1
    assert holding.run([]).report["waiting"] == 0


def test_with_another_policy_nothing_waits_any_more(holding: RunHarness) -> None:
    holding.run([shown(2, 1)])
    run = holding.run([], anonymous_users="device")
    assert run.report["delivered"] == run.report["read"] == 1
    assert run.report["waiting"] == 0


def test_with_another_name_for_users_nothing_waits_any_more(
    holding: RunHarness,
) -> None:
    holding.run([shown(2, 1), shown(3, 2)])
    run = holding.run([shown(4, 3)], user_source="nami_user_id")
    assert holding.ids == [nami.event_id(number) for number in (2, 3, 4)]
    assert {e.sent["user_id"] for e in holding.events} == {nami.identifier(2, 1)}
    assert run.report["waiting"] == 0


def test_a_login_lets_go_once_of_what_no_longer_waits(holding: RunHarness) -> None:
    holding.run([shown(2, 1), as_of(2, "monthly", external_ids=[])])
    run = holding.run([change(5, 4, "yearly")], anonymous_users="device")
    assert run.report["released"] == 2
    assert run.report["read"] == run.report["delivered"] == 3
    assert holding.skus(1) == ["yearly"]


def test_what_was_delivered_before_it_was_held_is_not_sent_again(
    holding: RunHarness,
) -> None:
    holding.run([shown(2, 1)], anonymous_users="device")
    assert holding.run([shown(2, 1)]).report["held"] == 1
    run = holding.run([change(3, 4, "monthly")])
    assert run.report["duplicate"] == 1
    assert run.report["waiting"] == 0
    assert holding.ids == [nami.event_id(2), nami.event_id(3)]


def test_what_waited_in_vain_is_logged(holding: RunHarness) -> None:
    holding.run([shown(2, 1), shown(3, 2)])
    run = holding.run([], anonymous_users="skip")
    [warning] = run.logged("WARNING")
    assert warning.startswith("2 records that waited for an External ID are left out")
    assert run.report["filtered_by_reason"] == {"anonymous_user": 2}
    again = holding.run([shown(4, 3)], anonymous_users="skip")
    assert again.logged("WARNING") == []
    assert again.report["waiting"] == 0


def test_what_waited_may_become_rejects(holding: RunHarness) -> None:
    holding.run([shown(2, 1), shown(3, 2)])
    run = holding.run([], anonymous_users="reject")
    assert [reject["record"]["id"] for reject in run.rejects] == [
        nami.event_id(2),
        nami.event_id(3),
    ]
    assert run.report["waiting"] == 0


def test_a_rehearsal_lets_go_of_nothing(holding: RunHarness) -> None:
    holding.run([shown(2, 1)])
    assert holding.run([], anonymous_users="device", dry_run=True).report["read"] == 1
    assert holding.run([]).report["waiting"] == 1


def test_a_held_state_may_change_and_change_back_without_saying_when(
    holding: RunHarness,
) -> None:
    here, there = (
        nami.user(1, updated_at=None, active_entitlements=bought(sku), external_ids=[])
        for sku in ("monthly", "yearly")
    )
    run = holding.run([here, here, there, here])
    assert run.report["held"] == 3
    assert run.report["duplicate"] == 1
    login = about(1, nami.impression(9, created_date=at(6)))
    holding.run([login | {"external_ids": nami.user(1)["external_ids"]}])
    assert holding.skus(1) == ["monthly"]


def test_a_held_event_of_the_sandbox_goes_to_its_project(holding: RunHarness) -> None:
    holding.settings["sandbox_api_key"] = ANOTHER_KEY
    holding.run([shown(2, 1) | {"app_env": "beta_testing"}, shown(3, 2)])
    holding.run([change(4, 4, "monthly")])
    assert holding.arrived(ANOTHER_KEY) == [nami.event_id(2)]
    assert holding.arrived(API_KEY) == [nami.event_id(3), nami.event_id(4)]


def test_a_held_event_goes_by_the_settings_of_the_day(holding: RunHarness) -> None:
    sold = shown(4, 9) | {"event_type": "device.transaction", "amount": 1}
    holding.run([shown(2, 1), sold])
    login = change(5, 9, "monthly")
    settings = {"start_date": "2026-06-05", "revenue": "transactions"}
    run = holding.run([login], **settings)
    assert run.report["filtered_by_reason"] == {"before_start_date": 1}
    assert [event.sent.get("revenue") for event in holding.events] == [1, None]


@pytest.mark.parametrize("number", [b"1e999", b"NaN"])
def test_a_held_number_that_is_none_becomes_a_reject_in_the_end(
    holding: RunHarness, number: bytes
) -> None:
    odd = singer.record("events", shown(2, 1) | {"amount": 7})
    odd = odd.replace(b'"amount": 7', b'"amount": ' + number)
    holding.run_messages([singer.schema("events"), odd])
    run = holding.run([change(3, 4, "monthly")])
    assert run.report["rejected_by_reason"] == {"number_not_finite": 1}
    assert run.report["waiting"] == 0
    assert holding.ids == [nami.event_id(3)]


def test_a_record_that_cannot_wait_has_the_reason(holding: RunHarness) -> None:
    run = holding.run([nami.impression(1, user_id=None)])
    [reject] = run.rejects
    assert "without which it cannot wait" in reject["rejected"]["detail"]


def test_the_progress_says_how_many_wait(holding: RunHarness) -> None:
    holding.run([shown(2, 1), shown(3, 2)])
    metrics = holding.folder / "metrics.txt"
    paths = {"metrics_path": str(metrics)}
    paths["memory_path"] = str(holding.folder / "memory.db")
    running = TargetHarness(holding.folder, anonymous_users="hold", **paths).target
    running.process_lines(io.StringIO(singer.schema("events").decode()))
    running.run.log_progress()
    [waiting] = [
        line
        for line in metrics.read_text().splitlines()
        if line.startswith("amplitude_nami_held_records{")
    ]
    assert waiting.split()[-1] == "2"
    running.run.close("failed")


# A run that ends while held records leave


MANY = 4_000
SLOWLY = Faults((Fault(do=Do(delay=0.2)),))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_may_end_while_held_records_leave(
    holding: RunHarness, number: signal.Signals
) -> None:
    records = [about(n, nami.impression(n)) for n in range(MANY)]
    assert holding.run(records).report["held"] == MANY
    holding.local.set_faults(SLOWLY)
    one_lane = {"parallel_requests": 1, "batch_size_rows": 100, "shutdown_grace": 5}
    running = holding.start(messages_of([]), anonymous_users="device", **one_lane)
    wait_until(lambda: len(holding.events) >= 1_000)
    running.kill(number)
    assert running.wait(10) in {128 + number, -number}, running.log
    holding.local.set_faults(Faults())
    known = holding.local.summary().total
    assert known < MANY
    if number == signal.SIGTERM:
        report = json.loads((holding.folder / "report.json").read_text())
        assert report["delivered"] == report["read"] == known
        assert report["waiting"] == MANY - known
    run = holding.run([], anonymous_users="device")
    assert run.report["released"] < MANY  # what was delivered was made safe meanwhile
    assert run.report["waiting"] == 0
    assert sorted(holding.ids) == sorted(nami.event_id(n) for n in range(MANY))


def test_a_held_record_keeps_what_json_can_hardly_say(holding: RunHarness) -> None:
    odd = {"name": "cut \ud83d", "big": 10**30, "nested": [{"a": None}, [1.10]]}
    holding.run([shown(2, 1) | odd])
    holding.run([change(3, 4, "monthly")])
    direct = RunHarness(holding.folder, holding.local, holding.zygote, {})
    direct.run([change(3, 4, "monthly"), shown(2, 1) | odd], api_key="e" * 32)
    [held, _, _, sent] = [event.sent["event_properties"] for event in holding.events]
    assert held == sent
