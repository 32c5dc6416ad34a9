"""Texts of messages: STATE comes out as it came in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.jsontext import TooDeep
from target_amplitude_nami.singer.messages import (
    decode_object,
    is_record_message,
    state_of,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_a_state_means_the_same_when_it_is_written_again(value: Any) -> None:
    line = json.dumps({"type": "STATE", "value": value}).encode()
    written = state_of(line)
    assert written.isascii()
    assert json.dumps(json.loads(written)) == json.dumps(value)


@pytest.mark.parametrize("value", [b"1.50", b"1E5", b"-0", b'"\\ud83d"', b"9" * 5_000])
def test_numbers_and_halves_of_characters_in_a_state_stay_as_spelt(
    value: bytes,
) -> None:
    assert state_of(b'{"type":"STATE","value":[%s]}' % value) == b"[%s]" % value


@pytest.mark.parametrize(
    ("text", "problem"),
    [(b"x", "not JSON"), (b"[]", "not a JSON object"), (b'"x"', "not a JSON object")],
)
def test_what_is_no_object_is_refused_with_the_reason(
    text: bytes, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        decode_object(text)


def test_an_object_nested_too_deep_is_refused_as_such() -> None:
    with pytest.raises(TooDeep):
        decode_object(b'{"a":' * 202 + b"1" + b"}" * 202)


@pytest.mark.parametrize(
    ("record", "is_message"),
    [
        ({"type": "RECORD", "stream": "s", "record": {}}, True),
        ({"type": "RECORD", "stream": "s", "record": {}, "version": 1}, True),
        ({"type": "RECORD", "stream": "s", "record": {}, "event_type": "x"}, False),
        ({"type": "RECORD", "stream": "s", "record": []}, False),
        ({"type": "STATE", "stream": "s", "record": {}}, False),
    ],
)
def test_a_record_of_a_batch_may_be_a_whole_message(
    record: dict[str, Any],
    is_message: bool,  # noqa: FBT001 - a case of the table
) -> None:
    assert is_record_message(record) == is_message
