"""The sample data: reproducible, small, true to Nami, with every case that matters."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest

from tests.examples.expected import (
    OFFERED,
    SAMPLE,
    Expected,
    Record,
    expect,
    external_id,
    read_records,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EXAMPLES = SAMPLE.parent
NOT_OFFERED = {"device.session.start", "device.session.end", "purchase.updated"}


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return read_records()


@pytest.fixture(scope="module")
def expected(records: list[Record]) -> Expected:
    return expect(records)


@pytest.fixture(scope="module")
def bad_records() -> list[Record]:
    text = (SAMPLE / "bad-records.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def good_events(records: list[Record], bad_records: list[Record]) -> list[Record]:
    return [r for r in records if "event_type" in r and r not in bad_records]


def of_types(types: set[str], events: list[Record]) -> list[Record]:
    return [event for event in events if event["event_type"] in types]


def make_data(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, EXAMPLES / "make_data.py", folder, *options],
        capture_output=True,
        check=False,
        text=True,
    )


def test_the_sample_is_what_its_script_makes() -> None:
    done = make_data(SAMPLE, "--check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["users.jsonl.gz", "README.md"])
def test_a_changed_or_missing_file_is_noticed_and_rewritten(
    tmp_path: Path, name: str
) -> None:
    folder = shutil.copytree(SAMPLE, tmp_path / "data")
    stale = folder / name
    if name == "README.md":
        stale.write_text(stale.read_text("utf-8").replace("1,0", "2,0"), "utf-8")
    else:
        stale.unlink()
    noticed = make_data(folder, "--check")
    assert noticed.returncode == 1
    assert str(stale) in noticed.stdout
    assert make_data(folder).returncode == 0
    assert make_data(folder, "--check").returncode == 0


def test_the_sample_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < 600_000


def test_every_record_keeps_to_the_schema_of_its_stream(records: list[Record]) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "tap_nami.py", "--discover"],
        capture_output=True,
        check=True,
    )
    events, users = (
        jsonschema_rs.Draft202012Validator(stream["schema"])
        for stream in json.loads(done.stdout)["streams"]
    )
    for record in records:
        (events if "event_type" in record else users).validate(record)


def test_every_record_has_one_expected_outcome(
    records: list[Record], expected: Expected
) -> None:
    assert expected.read == len(records)
    assert 2_900 < len(records) < 3_200
    assert set(expected.delivered) == OFFERED
    assert set(expected.filtered) == NOT_OFFERED


def test_the_rejects_are_the_records_written_to_be_rejected(
    bad_records: list[Record], expected: Expected
) -> None:
    assert expect(bad_records).rejected == expected.rejected
    reasons: dict[str, int] = defaultdict(int)
    for (_, reason), number in expected.rejected.items():
        reasons[reason] += number
    assert reasons == {"no id": 6, "short id": 4, "forbidden id": 2, "no time": 2}


def test_no_filtered_or_rejected_record_teaches_what_another_needs(
    records: list[Record], bad_records: list[Record], good_events: list[Record]
) -> None:
    assert not any(map(external_id, of_types(NOT_OFFERED, good_events)))
    strangers = {record["user_id"] for record in bad_records}
    theirs = [record for record in records if record["user_id"] in strangers]
    assert len(theirs) == len(bad_records)


def test_events_come_late_out_of_order_and_twice(
    good_events: list[Record], expected: Expected
) -> None:
    dates = [event["created_date"] for event in good_events]
    assert sum(later < earlier for earlier, later in pairwise(dates)) > 50
    assert 3 <= expected.duplicate.total() <= 20


def test_some_users_are_named_late_and_some_never(
    good_events: list[Record], expected: Expected
) -> None:
    named: set[str] = set()
    anonymous_before = set()
    learnt = 0
    for event in of_types(OFFERED, good_events):
        user = event["user_id"]
        if external_id(event):
            named.add(user)
        elif user in named:
            learnt += 1
        else:
            anonymous_before.add(user)
    assert len(anonymous_before & named) > 50
    assert len(expected.anonymous_device_ids) > 50
    assert learnt > 50


def entitled(event: Record) -> bool:
    return bool(event["active_entitlements"])


def flags(event: Record) -> set[str]:
    return {name for name, on in event["customer_journey_state"].items() if on}


STATES: dict[str, Callable[[Record], bool]] = {
    "user.journey.trial.started": lambda e: (
        entitled(e) and flags(e) == {"in_trial_period"}
    ),
    "user.journey.trial.converted": lambda e: entitled(e) and not flags(e),
    "user.journey.trial.did_not_convert": lambda e: not entitled(e) and not flags(e),
    "user.subscription.purchased": lambda e: (
        entitled(e) and flags(e) <= {"in_intro_offer_period"}
    ),
    "user.subscription.renewed": lambda e: entitled(e) and not flags(e),
    "user.subscription.cancelled": lambda e: (
        entitled(e)
        and "is_cancelled" in flags(e)
        and flags(e) <= {"is_cancelled", "in_trial_period", "in_intro_offer_period"}
    ),
    "user.subscription.expired": lambda e: (
        not entitled(e) and flags(e) == {"former_subscriber"}
    ),
    "user.subscription.in_grace_period": lambda e: (
        entitled(e) and flags(e) == {"in_grace_period"}
    ),
    "user.subscription.renewal_in_grace_period": lambda e: entitled(e) and not flags(e),
    "user.subscription.paused": lambda e: (
        not entitled(e) and flags(e) == {"in_pause"} and e["event_platform"] == "google"
    ),
    "user.subscription.resumed": lambda e: (
        entitled(e) and not flags(e) and e["event_platform"] == "google"
    ),
}


@pytest.mark.parametrize("event_type", STATES)
def test_each_event_shows_the_state_that_it_leads_to(
    good_events: list[Record], event_type: str
) -> None:
    events = of_types({event_type}, good_events)
    assert len(events) > 5
    assert all(map(STATES[event_type], events))


PAID_TERM = {"cancelled", "renewed", "in_grace_period", "paused"}
# What may follow what in one user's subscriptions; None is the start.
FOLLOWS: dict[str | None, set[str]] = {
    None: {"started", "purchased"},
    "started": {"cancelled", "converted", "did_not_convert"},
    "did_not_convert": {"purchased"},
    "expired": {"started", "purchased"},
    "in_grace_period": {"renewal_in_grace_period", "expired"},
    "paused": {"resumed"},
    "cancelled": {"expired", "did_not_convert"},
    "converted": PAID_TERM,
    "purchased": PAID_TERM,
    "renewed": PAID_TERM,
    "renewal_in_grace_period": PAID_TERM,
    "resumed": PAID_TERM,
}


def test_each_users_story_makes_sense(good_events: list[Record]) -> None:
    stories: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for event in of_types(set(STATES), good_events):
        moment = (event["created_date"], event["id"])
        stories[event["user_id"]][moment] = event["event_type"].rpartition(".")[2]
    for story in stories.values():
        steps: list[Any] = [None, *(story[moment] for moment in sorted(story))]
        for before, after in pairwise(steps):
            assert after in FOLLOWS[before], steps
