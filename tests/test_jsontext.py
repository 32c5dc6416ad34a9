"""JSON read and written without losing a digit or a character."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami import jsontext

# With such a text beside it, JSON is read by the lenient reader instead of the strict.
HALF = r"\ud83d"


@pytest.mark.parametrize("beside", ["", HALF])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9.99", Decimal("9.99")),
        ("9.990", Decimal("9.990")),
        ("1E+2", Decimal("1E+2")),
        ("1e2", Decimal("1E+2")),
        ("-0.0", Decimal("-0.0")),
        ("0.1000000000000000055511151231257827", None),
        ("18446744073709551616", 2**64),
        ("-123456789012345678901234567890", -123456789012345678901234567890),
        ("1" * 400, int("1" * 400)),
        ("12", 12),
    ],
)
def test_numbers_are_exact(text: str, expected: object, beside: str) -> None:
    expected = Decimal(text) if expected is None else expected

    number, _ = jsontext.decode(f'[{text},"{beside}"]')

    assert number == expected
    assert type(number) is type(expected)
    assert str(number) == str(expected)


@pytest.mark.parametrize("beside", ["", HALF])
@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e400", "-1.5E+999999", "1" * 5000]
)
def test_a_number_that_is_none_is_not_finite_and_harms_nothing(
    text: str, beside: str
) -> None:
    number, word, other = jsontext.decode(f'[{text},"{beside}",7]')

    assert isinstance(number, Decimal)
    assert not number.is_finite()
    assert word == ("\ud83d" if beside else "")
    assert other == 7


@pytest.mark.parametrize("beside", ["", HALF])
@pytest.mark.parametrize("text", ["1e-99999999999999999999", "-0e99999999999999999999"])
def test_a_number_smaller_than_any_is_zero(text: str, beside: str) -> None:
    number, _ = jsontext.decode(f'[{text},"{beside}"]')

    assert isinstance(number, Decimal)
    assert number == 0


@pytest.mark.parametrize("name", ['"\\ud83d"', '"a\\udfa7b"', '"\\ud83c\\udfa7"'])
def test_halves_of_emojis_stay_what_they_are(name: str) -> None:
    text = jsontext.decode(f"{{{name}: {name}}}")

    assert text == {json.loads(name): json.loads(name)}
    assert jsontext.decode(jsontext.encode(text)) == text


@pytest.mark.parametrize(
    "text", ["", " ", "{", "[1,]", "{'a':1}", "nul", '{"a":1} x', "\ufeff{}", b"\xff"]
)
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        jsontext.decode(text)


@pytest.mark.parametrize("beside", ["1", "NaN"])
def test_json_too_deep_to_be_read_is_a_value_error(beside: str) -> None:
    depth = 10 * sys.getrecursionlimit()

    with pytest.raises(ValueError, match="nested too deep"):
        jsontext.decode(f"[{beside}," + "[" * depth + "]" * depth + "]")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda f: Decimal(repr(f)))
    | st.text(st.characters(codec=None, exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(value=JSON)
def test_what_is_written_is_read_again_digit_for_digit(value: Any) -> None:
    written = jsontext.encode(value)

    assert jsontext.decode(written) == value
    assert jsontext.encode(jsontext.decode(written)) == written
    assert b"\n" not in written


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_bytes_in_another_encoding_than_utf_8_are_no_json(encoding: str) -> None:
    with pytest.raises(ValueError, match=r"utf-8|Expecting"):
        jsontext.decode('{"a":1}'.encode(encoding))


def test_bytes_may_begin_with_a_byte_order_mark() -> None:
    assert jsontext.decode(b'\xef\xbb\xbf{"a":"' + HALF.encode() + b'"}') == {
        "a": "\ud83d"
    }
