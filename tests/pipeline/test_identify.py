"""Which Amplitude user and device a record names."""

from __future__ import annotations

from typing import Any

import pytest

from target_amplitude_nami.amplitude.event import (
    target_of,
)
from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.nami.records import RecordReader
from target_amplitude_nami.pipeline.identity import Identity, Unnamed, identify
from tests.support.pipeline_harness import make_settings
from tests.support.records import (
    DEVICE,
    EXTERNAL_ID,
    NAMI_USER,
    OTHER_DEVICE,
    Record,
    device,
    external_ids,
    impression,
    purchase,
    user,
    user_event,
)

# Whom they name


def named(
    record: Record, known: str | None = None, **config: Any
) -> Identity | tuple[str, str]:
    nami = RecordReader("stream").read(record)
    assert isinstance(nami, NamiEvent | NamiUser)
    found = identify(nami, known, make_settings(**config).mapping)
    if isinstance(found, Unnamed):
        assert found.detail
        return found.reason, found.outcome
    return found


ANONYMOUS = user_event(external_ids=external_ids()[:1])
TWO_DEVICES: Record = {"devices": [device(), device(OTHER_DEVICE)]}


@pytest.mark.parametrize("make", [user_event, user, impression])
def test_an_external_id_names_the_user_and_the_device_goes_with_it(make: Any) -> None:
    assert named(make()) == Identity(EXTERNAL_ID, DEVICE)


def test_with_nami_user_id_the_external_id_is_not_asked() -> None:
    config = {"user_source": "nami_user_id"}

    assert named(user_event(), "known", **config) == Identity(NAMI_USER, DEVICE)
    assert named(ANONYMOUS, **config) == Identity(NAMI_USER, DEVICE)
    assert named(impression(user_id=None), **config) == Identity(None, DEVICE)
    assert named(impression(user_id=None, device_id=None), **config) == (
        "no_ids",
        "rejected",
    )


def test_what_earlier_records_brought_names_a_record_without_external_id() -> None:
    assert named(ANONYMOUS, "learnt") == Identity("learnt", DEVICE)
    assert named(user_event(), "learnt") == Identity(EXTERNAL_ID, DEVICE)
    for policy in ("device", "nami_user_id", "skip", "reject"):
        assert named(ANONYMOUS, "learnt", anonymous_users=policy) == Identity(
            "learnt", DEVICE
        )


def test_several_devices_name_none() -> None:
    assert named(user_event(**TWO_DEVICES)) == Identity(EXTERNAL_ID, None)
    assert named(purchase()) == Identity(EXTERNAL_ID, None)


REJECTED = ("anonymous_user", "rejected")
FILTERED = ("anonymous_user", "filtered")
HELD = ("anonymous_user", "held")


@pytest.mark.parametrize(
    ("policy", "record", "expected"),
    [
        ("device", ANONYMOUS, Identity(None, DEVICE)),
        ("device", ANONYMOUS | TWO_DEVICES, REJECTED),
        ("device", ANONYMOUS | {"devices": []}, REJECTED),
        ("nami_user_id", ANONYMOUS, Identity(NAMI_USER, DEVICE)),
        ("nami_user_id", ANONYMOUS | TWO_DEVICES, Identity(NAMI_USER, None)),
        ("nami_user_id", ANONYMOUS | {"user_id": None}, REJECTED),
        ("skip", ANONYMOUS, FILTERED),
        ("reject", ANONYMOUS, REJECTED),
        ("device", user(external_ids=[]), Identity(None, DEVICE)),
        ("skip", user(external_ids=[]), FILTERED),
        ("hold", ANONYMOUS, HELD),
        ("hold", user(external_ids=[]), HELD),
        ("hold", ANONYMOUS | {"user_id": None}, REJECTED),
    ],
)
def test_anonymous_users_are_treated_as_the_settings_say(
    policy: str, record: Record, expected: Identity | tuple[str, str]
) -> None:
    config = {"anonymous_users": policy, "memory_path": "memory.db"}

    assert named(record, **config) == expected


@pytest.mark.parametrize(
    ("policy", "record", "missing"),
    [
        ("device", ANONYMOUS | TWO_DEVICES, "no single device"),
        ("hold", ANONYMOUS | {"user_id": None}, "without which it cannot wait"),
        ("nami_user_id", ANONYMOUS | {"user_id": None}, "no Nami user id"),
        ("reject", ANONYMOUS, "`anonymous_users`"),
    ],
)
def test_a_reject_of_an_anonymous_user_says_what_else_is_missing(
    policy: str, record: Record, missing: str
) -> None:
    settings = make_settings(anonymous_users=policy, memory_path="memory.db")
    event = RecordReader("stream").read(record)
    assert isinstance(event, NamiEvent)
    found = identify(event, None, settings.mapping)

    assert isinstance(found, Unnamed)
    assert missing in found.detail


@pytest.mark.parametrize(
    ("identity", "target"),
    [
        (Identity("user", "device"), "user"),
        (Identity("user", None), "user"),
        (Identity(None, "device"), target_of(None, "device")),
    ],
)
def test_properties_are_those_of_the_user_and_without_one_of_the_device(
    identity: Identity, target: str
) -> None:
    assert identity.target == target
