"""A person's events are taken out of request bodies; all else stays byte for byte."""

from __future__ import annotations

import pytest

from target_amplitude_nami.erasing.event_bodies import EventEraser
from target_amplitude_nami.erasing.person import Ids, Person

PERSON = Person(
    Ids(["nami"]), Ids(["external"]), Ids(["device"]), user_ids=Ids(["external"])
)
BODY = b'{"api_key":"***","events":[%s],"options":{"min_id_length":1}}\n'
OTHER = b'{"user_id": "external-2",  "n":1.50}'


@pytest.mark.parametrize(
    "event",
    [
        b'{"user_id":"external"}',
        b'{"user_id":"extern\\u0061l","n":1}',
        b'{"device_id":"device"}',
        b'{"user_id":"a","user_properties":{"namiml_user_id":"nami"}}',
        b'{"device_id":"a","user_properties":{"namiml_device_ids":["b","device"]}}',
    ],
)
def test_their_events_go_and_the_others_stay_as_they_are(event: bytes) -> None:
    erased = EventEraser(PERSON).without_events(
        BODY % b", ".join([OTHER, event, OTHER])
    )
    assert erased == (BODY % b",".join([OTHER, OTHER]), 1)


@pytest.mark.parametrize(
    "event",
    [
        OTHER,
        b'{"user_id":"other","device_id":"device"}',
        b'{"user_id":"other","event_properties":{"friend":"external"}}',
        b'{"user_id":"nami"}',
        b"7",
    ],
)
def test_events_of_others_stay(event: bytes) -> None:
    assert EventEraser(PERSON).without_events(BODY % event) == (BODY % event, 0)


def test_a_body_of_theirs_alone_goes_as_a_whole() -> None:
    body = BODY % b'{"user_id":"external"},{"user_id":"external"}'
    assert EventEraser(PERSON).without_events(body) == (None, 2)


def test_a_blank_can_keep_the_places_of_the_others() -> None:
    body = BODY % (b'{"user_id":"external"},' + OTHER)
    erased = EventEraser(PERSON).without_events(body, leaves_blanks=True)
    assert erased == (BODY % (b"{}," + OTHER), 1)


@pytest.mark.parametrize(
    ("body", "is_gone"),
    [
        (b'{"events":[{"user_id":"external"', True),
        (b'{"user_id":"external"}', True),
        (b'{"events":7,"user_id":"external"}', True),
        (b'{"events":[{"user_id":"external-2"', False),
        (b"", False),
    ],
)
def test_what_is_no_body_goes_if_it_names_them(body: bytes, *, is_gone: bool) -> None:
    expected = (None, 1) if is_gone else (body, 0)
    assert EventEraser(PERSON).without_events(body) == expected
