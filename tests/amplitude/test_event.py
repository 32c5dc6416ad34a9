"""The event's one encoding to bytes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude.event import AmplitudeEvent, encode


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


@pytest.mark.parametrize("beside", ["", "\ud83d"])
@pytest.mark.parametrize(
    "number",
    [
        *["9.99", "9.990", "1E+2", "1E-7", "0.1000000000000000055511151231257827"],
        *["0", "-0.0", "12", "9007199254740993", "18446744073709551616"],
        *["-123456789012345678901234567890", "1" * 400],
    ],
)
def test_numbers_go_out_as_they_came_in(number: str, beside: str) -> None:
    encoded = encode(event(n=jsontext.decode(number), beside=beside))

    assert f'"n":{number}'.encode() in encoded


def test_text_keeps_every_character() -> None:
    text = 'Zoë 🎧 日本\t\n"quoted"\\ \x00\x1f\x7f\u2028\ufeff\uffff'

    assert json.loads(encode(event(**{text: text})))["event_properties"] == {text: text}


@pytest.mark.parametrize("text", ["\ud83d", "a\udfa7b", "\udfa7\ud83d", "🎧\ud83d"])
def test_half_of_an_emoji_is_escaped(text: str) -> None:
    encoded = encode(event(**{text: {"inner": [text]}}))

    assert encoded.isascii()
    assert json.loads(encoded)["event_properties"] == {text: {"inner": [text]}}


@pytest.mark.parametrize("beside", ["", "\ud83d"])
def test_the_order_of_keys_in_a_record_makes_no_difference(beside: str) -> None:
    one = event(b=1, a={"d": beside, "c": [{"f": 1, "e": 2}]})
    other = event(a={"c": [{"e": 2, "f": 1}], "d": beside}, b=1)

    assert encode(one) == encode(other)


@pytest.mark.parametrize("beside", ["", "\ud83d"])
@pytest.mark.parametrize(
    "number", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity"), float("nan")]
)
def test_what_json_cannot_hold_raises_nothing(
    number: Decimal | float, beside: str
) -> None:
    assert encode(event(n=number, beside=beside))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda f: Decimal(repr(f)))
    | st.text(st.characters(codec=None, exclude_categories=())),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(codec=None)), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(value=JSON)
def test_any_property_is_read_back_as_it_was(value: object) -> None:
    sent = jsontext.decode(encode(event(value=value)))["event_properties"]["value"]

    assert sent == value
    assert encode(sent) == encode(value)
