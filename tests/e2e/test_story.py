"""One user's story, sent late, twice and out of order: what Amplitude knows at the end.

Each test is about what a person would look up in Amplitude: the user's properties, and
which events are whose.
"""

from __future__ import annotations

import json
import os
import random
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support import nami
from tests.support.run_target import API_KEY
from tests.support.story import (
    FLAGS,
    TOO_MUCH,
    Record,
    RunHarness,
    about,
    as_of,
    at,
    bought,
    change,
    messages_of,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.support.zygote import Zygote


# Any order


def story(number: int) -> list[Record]:
    """Return a user's story as it happened; every event has an id of its own."""
    first = number * 100
    records = [
        nami.impression(first + 1, created_date=at(1)),
        nami.subscription(
            first + 2,
            "user.journey.trial.started",
            created_date=at(2),
            external_ids=[],
            active_entitlements=bought("trial"),
            customer_journey_state=FLAGS | {"in_trial_period": True},
        ),
        nami.impression(first + 3, created_date=at(3)),
        nami.subscription(
            first + 4,
            "user.journey.trial.converted",
            created_date=at(4),
            active_entitlements=bought("monthly"),
        ),
        nami.user(number, updated_at=at(5), active_entitlements=bought("yearly")),
        nami.impression(first + 6, created_date=at(6)),
        nami.subscription(
            first + 7,
            "user.subscription.in_grace_period",
            created_date=at(7),
            active_entitlements=bought("yearly"),
            customer_journey_state=FLAGS | {"in_grace_period": True},
        ),
        nami.subscription(first + 8, "user.subscription.expired", created_date=at(8))
        | {
            "active_entitlements": [],
            "customer_journey_state": FLAGS | {"former_subscriber": True},
        },
        nami.user(number, updated_at=at(9))
        | {
            "active_entitlements": [],
            "customer_journey_state": FLAGS | {"former_subscriber": True},
        },
        nami.subscription(
            first + 10,
            "user.subscription.renewed",
            created_date=at(10),
            active_entitlements=None,
            customer_journey_state=None,
            devices=None,
        ),
    ]
    return [about(number, record) for record in records]


def test_in_any_order_a_story_ends_the_same(harness: RunHarness) -> None:
    shuffle = random.Random(5).shuffle  # noqa: S311
    in_order, records = story(1), []
    for number in range(1, 202):
        records_of_user = story(number)
        if number > 1:
            shuffle(records_of_user)
        records += records_of_user
    run = harness.run(records)
    assert run.report["rejected"] == 0
    ends = {number: anonymous(harness, number) for number in range(1, 202)}
    assert ends[1]["namiml_former_subscriber"] is True
    assert ends[1]["namiml_active_skus"] == []
    assert {number for number, end in ends.items() if end != ends[1]} == set()
    kinds = Counter(r["event_type"] for r in in_order if "event_type" in r)
    assert Counter(event.export["event_type"] for event in harness.events) == {
        kind: count * 201 for kind, count in kinds.items()
    }
    assert len(set(harness.ids)) == len(harness.ids)


def anonymous(harness: RunHarness, number: int) -> Record:
    """Return a user's properties without what is different for every user."""
    known = harness.local.user_properties(nami.external_id(number)) or {}
    assert known.pop("namiml_device_ids") == [nami.device_id(number)]
    return known


# Late events


def test_an_older_event_leaves_the_user_unchanged(harness: RunHarness) -> None:
    harness.run([change(2, 5, "yearly"), change(3, 4, "monthly")])
    assert harness.skus(1) == ["yearly"]
    [_, late] = harness.events
    assert late.sent["$skip_user_properties_sync"] is True
    assert late.sent["user_properties"]["namiml_active_skus"] == ["monthly"]


def test_an_event_older_than_what_an_earlier_run_sent_is_late_as_well(
    harness: RunHarness,
) -> None:
    harness.run([change(2, 5, "yearly")])
    harness.run([change(3, 4, "monthly"), shown(4, 3)])
    assert harness.skus(1) == ["yearly"]
    assert [e.sent.get("$skip_user_properties_sync") for e in harness.events] == [
        None,
        True,
        True,
    ]


def test_of_two_states_with_equal_times_the_one_read_later_counts(
    harness: RunHarness,
) -> None:
    harness.run([change(2, 5, "monthly"), change(3, 5, "yearly")])
    assert harness.skus(1) == ["yearly"]


def test_only_what_holds_a_state_makes_others_late(harness: RunHarness) -> None:
    harness.run([shown(2, 9), change(3, 4, "monthly")])
    assert harness.skus(1) == ["monthly"]


def test_an_event_that_is_not_sent_makes_none_late(harness: RunHarness) -> None:
    never_sent = change(2, 9, "yearly") | {"event_type": "device.session.start"}
    unsendable = change(3, 8, "yearly", tags=TOO_MUCH)
    run = harness.run([never_sent, change(5, 4, "monthly")])
    assert run.report["filtered_by_reason"] == {"event_not_chosen": 1}
    harness.run([unsendable, change(6, 5, "weekly")], max_request_bytes=20_000)
    assert harness.skus(1) == ["weekly"]


def test_old_state_may_be_let_through(harness: RunHarness) -> None:
    harness.run(
        [change(2, 5, "yearly"), change(3, 4, "monthly"), as_of(3, "weekly")],
        stale_user_properties="send",
    )
    assert harness.skus(1) == ["weekly"]


def test_an_older_user_record_is_left_out(harness: RunHarness) -> None:
    run = harness.run([as_of(5, "yearly"), as_of(4, "monthly"), as_of(6, "weekly")])
    assert run.report["filtered_by_reason"] == {"stale_user_record": 1}
    assert harness.skus(1) == ["weekly"]


def test_an_event_without_state_says_what_is_known(harness: RunHarness) -> None:
    harness.run([change(2, 5, "yearly")])
    nothing = {"customer_journey_state": None, "devices": None}
    silent = [
        {**change(number, day, None), "active_entitlements": None, **nothing}
        for number, day in ((3, 6), (4, 4))
    ]
    harness.run(silent)
    [_, later, earlier] = harness.events
    assert later.sent["user_properties"]["namiml_active_skus"] == ["yearly"]
    assert "user_properties" not in earlier.sent  # what was then, nobody knows


# User records that say nothing new


def test_a_state_that_was_sent_in_this_run_is_not_sent_again(
    harness: RunHarness,
) -> None:
    records = [as_of(5, "yearly"), as_of(6, "yearly"), as_of(7, "monthly")]
    run = harness.run([*records, as_of(6, "yearly"), as_of(8, "monthly")])
    assert run.report["delivered"] == 2
    assert run.report["filtered_by_reason"] == {
        "unchanged": 2,
        "stale_user_record": 1,
    }
    assert harness.skus(1) == ["monthly"]


def test_a_state_that_an_event_has_set_is_not_sent_again(harness: RunHarness) -> None:
    run = harness.run([nami.subscription(1), nami.user(1)])
    assert run.report["filtered_by_reason"] == {"unchanged": 1}


def test_another_amplitude_user_gets_the_state_again(harness: RunHarness) -> None:
    run = harness.run([as_of(5, "yearly", external_ids=[]), as_of(6, "yearly")])
    assert run.report["delivered"] == 2
    assert harness.skus(1) == ["yearly"]


def test_a_state_may_change_and_change_back_without_saying_when(
    harness: RunHarness,
) -> None:
    here, there = (
        nami.user(1, updated_at=None, active_entitlements=bought(sku))
        for sku in ("monthly", "yearly")
    )
    harness.run([here, there])
    harness.run([here])
    assert harness.skus(1) == ["monthly"]
    again = harness.run([here])
    assert again.report["filtered_by_reason"] == {"unchanged": 1}
    harness.run([there, here, there])
    assert harness.skus(1) == ["yearly"]


# Duplicates


def test_what_was_delivered_is_not_sent_again(harness: RunHarness) -> None:
    records = [change(2, 5, "yearly"), shown(3, 6), as_of(7, "monthly")]
    harness.run(records)
    requests = len(list(harness.local.requests()))
    again = harness.run([*records, *records])
    assert again.report["duplicate"] + again.report["filtered"] == 6
    assert again.states == [{"read": "all"}]
    assert len(list(harness.local.requests())) == requests


def test_without_a_memory_file_the_same_holds_within_the_run(
    tmp_path: Path, local_amplitude: LocalAmplitude, zygote: Zygote
) -> None:
    harness = RunHarness(tmp_path, local_amplitude, zygote, {})
    run = harness.run([change(2, 5, "yearly"), change(2, 5, "yearly")])
    assert run.report["duplicate"] == 1
    assert harness.local.summary().duplicates == 0
    assert harness.run([change(2, 5, "yearly")]).report["delivered"] == 1


def test_a_rehearsal_teaches_the_memory_nothing(harness: RunHarness) -> None:
    harness.run([change(2, 5, "yearly")], dry_run=True)
    assert harness.run([change(2, 5, "yearly")]).report["delivered"] == 1


def test_another_project_gets_everything(harness: RunHarness) -> None:
    harness.run([change(2, 5, "yearly")])
    other = harness.run([change(2, 5, "yearly")], api_key="another" + API_KEY[7:])
    assert other.report["delivered"] == 1


# Who is who


def test_an_older_record_does_not_rename_a_user(harness: RunHarness) -> None:
    old = change(2, 4, "monthly") | {"external_ids": nami.user(7)["external_ids"]}
    run = harness.run([change(3, 5, "yearly"), old, shown(4, 6)])
    assert [event.sent["user_id"] for event in harness.events] == [
        nami.external_id(1),
        nami.external_id(7),
        nami.external_id(1),
    ]
    assert run.report["odd_ids"] == {"user_with_several_external_ids": 1}


def test_an_id_that_amplitude_refuses_is_not_remembered(harness: RunHarness) -> None:
    bad = [{"key": "external_id", "type": "uuid", "value": "unknown"}]
    run = harness.run([change(2, 4, "monthly") | {"external_ids": bad}, shown(3, 5)])
    assert run.report["rejected_by_reason"] == {"user_id_forbidden": 1}
    [event] = harness.events
    assert event.sent["device_id"] == nami.device_id(1)


def test_shared_ids_are_counted_in_the_log_and_named_in_the_report(
    harness: RunHarness,
) -> None:
    shared = nami.subscription(2, devices=nami.user(1)["devices"])
    run = harness.run([nami.subscription(1), shared])
    assert run.report["odd_ids"] == {"device_of_several_users": 1}
    [named] = run.report["named_odd_ids"]
    assert named["value"] == nami.device_id(1)
    assert nami.device_id(1) not in run.log
    assert "1 device_of_several_users" in run.log


# Five runs, and a crash in each


FIVE_RUNS: list[list[Record]] = [
    [shown(1, 1)],
    [change(2, 3, "trial"), shown(3, 4)],
    [change(4, 5, "monthly"), as_of(6, "yearly")],
    [change(5, 2, "weekly"), shown(6, 2)],
]
FIVE_RUNS.append([record for run in FIVE_RUNS for record in run])


@pytest.mark.parametrize("policy", ["device", "hold"])
@pytest.mark.parametrize("crash", ["never", "at once", "when a STATE is out"])
def test_a_story_over_five_runs_arrives_once(
    harness: RunHarness, policy: str, crash: str
) -> None:
    harness.settings |= {"anonymous_users": policy, "batch_wait_seconds": 1}
    for records in FIVE_RUNS:
        if crash != "never":
            kill(harness, records, after_state=crash != "at once")
        harness.run(records)
    assert sorted(harness.ids) == sorted(
        nami.event_id(number) for number in range(1, 7)
    )
    assert harness.skus(1) == ["yearly"]
    named = [event for event in harness.events if "user_id" in event.sent]
    assert {event.sent["user_id"] for event in named} == {nami.external_id(1)}
    assert len(named) == (6 if policy == "hold" else 5)
    assert {e.sent["device_id"] for e in harness.events} == {nami.device_id(1)}


def kill(harness: RunHarness, records: Sequence[Record], *, after_state: bool) -> None:
    """Start a run over records, and kill it before its input ends."""
    reading, writing = os.pipe()
    running = harness.start_reading(reading)
    os.close(reading)
    os.write(writing, b"".join(messages_of(records)))
    running.wait_for(json.dumps("all") if after_state else "amplitude-nami v")
    running.kill(signal.SIGKILL)
    assert running.wait(20) == -signal.SIGKILL
    os.close(writing)
