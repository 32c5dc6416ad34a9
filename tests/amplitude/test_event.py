"""The event's one encoding to bytes."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude.event import (
    AmplitudeEvent,
    EncodedEvent,
    encode,
    memory_bytes_of,
)
from target_amplitude_nami.outcomes import (
    Checkpoint,
    Origin,
    SentEvent,
    dedup_key,
)


def event(**properties: Any) -> AmplitudeEvent:
    return AmplitudeEvent(
        event_type="user.subscription.renewed",
        insert_id="id-1",
        device_id="device-1",
        time=1716944231227,
        event_properties=properties,
    )


def test_an_event_is_this_json() -> None:
    whole = AmplitudeEvent(
        event_type="n",
        insert_id="i",
        user_id="u",
        device_id="d",
        time=1,
        event_properties={"b": [], "a": {"z": 1, "y": False}},
        user_properties={"$set": {"x": ""}},
        skip_user_properties_sync=True,
        revenue=Decimal("9.990"),
        currency="USD",
        product_id="p",
        revenue_type="Purchase",
    )

    assert encode(whole) == (
        b'{"event_type":"n","insert_id":"i","user_id":"u","device_id":"d","time":1,'
        b'"event_properties":{"a":{"y":false,"z":1},"b":[]},'
        b'"user_properties":{"$set":{"x":""}},"$skip_user_properties_sync":true,'
        b'"revenue":9.990,"currency":"USD","productId":"p","revenueType":"Purchase"}'
    )


def test_what_is_absent_is_left_out() -> None:
    assert encode(AmplitudeEvent(event_type="n", insert_id="i")) == (
        b'{"event_type":"n","insert_id":"i"}'
    )


@pytest.mark.parametrize(
    "number",
    [
        *["9.99", "9.990", "1E+2", "1E-7", "0.1000000000000000055511151231257827"],
        *["0", "-0.0", "12", "9007199254740993", "18446744073709551616"],
        *["-123456789012345678901234567890", "1" * 400],
    ],
)
def test_numbers_go_out_as_they_came_in(number: str) -> None:
    encoded = encode(event(n=jsontext.decode(number)))

    assert f'"n":{number}'.encode() in encoded


def test_text_keeps_every_character() -> None:
    text = 'Zoë 🎧 日本\t\n"quoted"\\ \x00\x1f\x7f\u2028\ufeff\uffff'

    assert json.loads(encode(event(**{text: text})))["event_properties"] == {text: text}


def test_the_order_of_keys_in_a_record_makes_no_difference() -> None:
    one = event(b=1, a={"d": "x", "c": [{"f": 1, "e": 2}]})
    other = event(a={"c": [{"e": 2, "f": 1}], "d": "x"}, b=1)

    assert encode(one) == encode(other)


@pytest.mark.parametrize(
    "number", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity"), float("nan")]
)
def test_what_json_cannot_hold_raises_nothing(number: Decimal | float) -> None:
    assert encode(event(n=number))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda f: Decimal(repr(f)))
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(value=JSON)
def test_any_property_is_read_back_as_it_was(value: object) -> None:
    sent = jsontext.decode(encode(event(value=value)))["event_properties"]["value"]

    assert sent == value
    assert encode(sent) == encode(value)


def test_an_event_takes_its_bytes_and_its_record_until_it_is_settled() -> None:
    assert memory_bytes_of(b"12345", b"123") - memory_bytes_of(b"", b"") == 8


def test_the_memory_that_is_counted_covers_the_objects_of_an_event() -> None:
    user, device, insert = (f"{number:036}" for number in range(3))  # as long as UUIDs
    sent = SentEvent(
        "device.impression", 0, dedup_key(insert, device, user), insert, device, user
    )
    origin = Origin("label", "stream", b"")
    event = EncodedEvent(
        body=b"",
        user_id=user,
        device_id=device,
        user_key=user,
        sent_event=sent,
        origin=origin,
        checkpoint=Checkpoint(),
        memory_bytes=memory_bytes_of(b"", origin.line),
    )
    parts = (event, event.body, origin, origin.line, sent, sent.key)
    assert event.memory_bytes >= sum(map(sys.getsizeof, (*parts, user, device, insert)))
