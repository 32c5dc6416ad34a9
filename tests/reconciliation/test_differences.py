"""What differs between an event as it is sent and as Amplitude has it."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from target_amplitude_nami.reconciliation.differences import differences, is_unnamed
from target_amplitude_nami.reconciliation.exported import (
    ExportedEvent,
    read_archive,
)
from tests.support.archives import archive_of, exported

TIME = 1_780_300_800_250


def sent(**fields: Any) -> bytes:
    event = {
        "event_type": "device.impression",
        "insert_id": "one",
        "user_id": "user-1",
        "device_id": "device-1",
        "time": TIME,
    } | fields
    return json.dumps({k: v for k, v in event.items() if v is not None}).encode()


def found(**fields: Any) -> ExportedEvent:
    [event] = read_archive(io.BytesIO(archive_of([exported(**fields)])), "an hour")
    return event


def differing(body: bytes, event: ExportedEvent) -> list[str]:
    user_id = json.loads(body)["user_id"]
    return [difference.field for difference in differences(body, event, user_id)]


def test_an_event_as_it_was_sent_does_not_differ() -> None:
    assert differing(sent(), found()) == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("text", "text"),
        ("x" * 2_000, "x" * 1_024),
        (9.9, 9.90),
        (10, 10.0),
        (10**400, 10**400),
        (True, "True"),
        (False, "false"),
        ([], None),
        ("", None),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2, "more": 3}]}),
    ],
)
def test_a_value_as_amplitude_keeps_it_does_not_differ(ours: Any, theirs: Any) -> None:
    body = sent(event_properties={"p": ours}, user_properties={"namiml_p": ours})
    event = found(
        event_properties={"p": theirs, "$revenue": 5},
        user_properties={"namiml_p": theirs, "of_the_app": 1},
    )
    assert differing(body, event) == []


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("a", "b"),
        (1, 2),
        (10**400, 1.5),
        (1.5, 10**400),
        (True, False),
        ([1, 2], [2, 1]),
        ({"a": 1}, {}),
        ("a", None),
    ],
)
def test_another_value_differs(ours: Any, theirs: Any) -> None:
    body = sent(event_properties={"p": ours}, user_properties={"namiml_p": ours})
    event = found(event_properties={"p": theirs}, user_properties={"namiml_p": theirs})
    assert differing(body, event) == ["event_properties.p", "user_properties.namiml_p"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"event_time": "2026-06-01 08:00:00.251000"}, "time"),
        ({"event_time": None}, "time"),
        ({"user_id": "user-2"}, "user_id"),
        ({"event_type": "other"}, "event_type"),
    ],
)
def test_another_time_user_or_type_differs(fields: dict[str, Any], field: str) -> None:
    assert differing(sent(), found(**fields)) == [field]


def test_user_properties_that_the_event_does_not_set_do_not_differ() -> None:
    event = found(user_properties={"namiml_active_skus": ["another"]})
    assert differing(sent(user_properties={"plan": "ours"}), event) == []
    ours = {"namiml_active_skus": ["ours"]}
    assert differing(sent(user_properties=ours), event) != []
    skips = {"$skip_user_properties_sync": True}
    assert differing(sent(user_properties=ours, **skips), event) == []


def test_an_event_sent_by_device_before_its_user_was_known_does_not_differ() -> None:
    event = found(user_id=None)
    assert differing(sent(), event) == []
    assert is_unnamed(sent(), event)


def test_an_event_without_device_must_have_its_user() -> None:
    event = found(user_id=None)
    assert differing(sent(device_id=None), event) == ["user_id"]


def test_an_event_sent_under_the_nami_user_id_does_not_differ() -> None:
    body, event = sent(device_id=None), found(user_id="nami-user")
    assert list(differences(body, event, "nami-user")) == []
    assert is_unnamed(body, event)
    assert not is_unnamed(body, found())
    assert not is_unnamed(sent(user_id="7"), found(user_id=7))


def test_values_are_shown_as_text_and_not_at_length() -> None:
    body = sent(time=TIME, event_properties={"p": "x" * 900})
    event = found(event_time="2026-06-02 00:00:00", event_properties={"p": None})
    time, long = differences(body, event, "user-1")
    assert time[1:] == ("2026-06-01T08:00:00.250Z", "2026-06-02T00:00:00.000Z")
    assert (len(long.sent), long.found) == (501, "null")
