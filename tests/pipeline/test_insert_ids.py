"""What Amplitude recognises events by."""

from __future__ import annotations

from typing import Any

import pytest

from target_amplitude_nami.amplitude.event import (
    AmplitudeEvent,
)
from target_amplitude_nami.outcomes import dedup_key
from target_amplitude_nami.pipeline.insert_ids import with_sequential_id
from target_amplitude_nami.store.profiles import NEVER_SENT, SentState
from tests.support.pipeline_harness import PipelineHarness
from tests.support.records import (
    ALL_ZERO,
    Record,
    entitlement,
    journey,
    user,
    user_event,
)

# Insert ids


def insert_id(record: Record, **config: Any) -> str:
    found = PipelineHarness(**config).event(record)["insert_id"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("5f0b7a3e-91c4", "5f0b7a3e-91c4"),
        (7000000001, "7000000001"),
        ("x" * 255, "x" * 255),
    ],
    ids=["text", "number", "long"],
)
def test_the_insert_id_is_namis_event_id(event_id: object, expected: str) -> None:
    assert insert_id(user_event(id=event_id)) == expected


@pytest.mark.parametrize("event_id", [None, "", ALL_ZERO, "x" * 256])
def test_without_a_usable_id_it_is_a_hash_of_the_record(event_id: object) -> None:
    found = insert_id(user_event(id=event_id))

    assert len(found) == 64
    assert found == insert_id(user_event(id=event_id))
    assert found != event_id


@pytest.mark.parametrize(
    "change",
    [
        {"event_type": "user.subscription.expired"},
        {"created_date": "2024-05-29T00:57:11.228Z"},
        {"user_id": "b1f6c0de-0000-4c55-8e77-0d9a4f3c2b11"},
        {"event_platform": "google"},
        {"active_entitlements": []},
        {"mood": None, "more": [None]},
        {"external_ids": []},
    ],
    ids=repr,
)
def test_two_events_that_differ_have_different_hashes(change: Record) -> None:
    assert insert_id(user_event(id=None)) != insert_id(user_event(id=None) | change)


def test_the_hash_does_not_depend_on_the_settings_that_name_users() -> None:
    other = {"extra_user_properties": ["*"], "user_source": "nami_user_id"}

    assert insert_id(user_event(id=None)) == insert_id(user_event(id=None), **other)


def test_what_is_excluded_is_no_part_of_the_hash() -> None:
    loaded, again = (user_event(id=None, loaded_at=day) for day in ("Mon", "Tue"))
    settings = {"exclude_properties": ["loaded_*"]}

    assert insert_id(loaded) != insert_id(again)
    assert insert_id(loaded, **settings) == insert_id(again, **settings)
    assert insert_id(loaded, **settings) == insert_id(user_event(id=None))


@pytest.mark.parametrize(
    "column",
    [
        *["_sdc_batched_at", "_SDC_SEQUENCE", "_fivetran_synced", "_airbyte_meta"],
        *["_ab_cdc_lsn", "_dlt_load_id", "_dlt_id", "__deleted"],
    ],
)
def test_columns_of_loaders_are_no_part_of_an_event(column: str) -> None:
    harness = PipelineHarness()
    record = user_event(id=None)

    assert harness.result(record | {column: "x"}) == harness.result(record)


# User records


def test_one_update_to_two_amplitude_users_has_two_insert_ids() -> None:
    assert insert_id(user()) != insert_id(user(), user_source="nami_user_id")


@pytest.mark.parametrize(
    "change",
    [
        {"updated_at": "2024-07-02"},
        {"active_entitlements": [entitlement()]},
        {"customer_journey_state": journey("former_subscriber")},
        {"external_ids": []},
    ],
    ids=repr,
)
def test_two_updates_that_set_different_things_have_different_insert_ids(
    change: Record,
) -> None:
    config = {"extra_user_properties": ["namiml_is_cancelled"]}

    assert insert_id(user(), **config) == insert_id(user(), **config)
    assert insert_id(user(), **config) != insert_id(user() | change, **config)


# `$identify`s without a time


def sent_by(insert_id: str, *, was_identify: bool = False) -> SentState:
    """Return what is known of a user after an event with this id sent a state."""
    key = dedup_key(insert_id, "device", "user")
    return SentState(insert_id=insert_id, was_identify=was_identify, key=key)


def next_id(sent: SentState, *, is_repeat: bool = False) -> str:
    """Return the insert id of a `$identify` that follows what was sent."""
    event = AmplitudeEvent(event_type="$identify", insert_id="own", user_id="user")
    return with_sequential_id(event, sent, is_repeat=is_repeat).insert_id


def test_the_first_identify_has_an_id_of_its_own() -> None:
    assert next_id(NEVER_SENT) == "own"


def test_an_identify_that_repeats_the_last_one_has_its_id() -> None:
    sent = sent_by("identify", was_identify=True)
    assert next_id(sent, is_repeat=True) == "identify"


def test_no_identify_takes_the_id_of_an_event_that_sent_the_same() -> None:
    assert next_id(sent_by("event"), is_repeat=True) not in {"event", "own"}


def test_a_new_identify_has_an_id_made_of_the_event_before_it() -> None:
    ids = [next_id(sent_by(one)) for one in ("a", "b", "c")]
    assert len({*ids, "own"}) == 4
    assert ids[0] == next_id(sent_by("a"))
