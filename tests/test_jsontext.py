"""JSON data is exact, whole and bounded where it comes in."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami import jsontext
from target_amplitude_nami.normalising import normalise

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
    assert word == ("\ufffd" if beside else "")
    assert other == 7


@pytest.mark.parametrize("beside", ["", HALF])
@pytest.mark.parametrize("text", ["1e-99999999999999999999", "-0e99999999999999999999"])
def test_a_number_smaller_than_any_is_zero(text: str, beside: str) -> None:
    number, _ = jsontext.decode(f'[{text},"{beside}"]')

    assert isinstance(number, Decimal)
    assert number == 0


TEXTS: Final = {
    r"\ud83d": "\ufffd",
    r"a\udfa7b": "a\ufffdb",
    r"\udfa7\ud83c": "\ufffd\ufffd",
    r"\ud83c\udfa7": "🎧",
    r"\\ud83d": "\\ud83d",
    r"\ud83d\ud83c\udfa7": "\ufffd🎧",
    r"é\ud83d": "é\ufffd",
}


@pytest.mark.parametrize(("written", "text"), TEXTS.items())
def test_half_of_an_emoji_is_replaced_and_a_pair_is_one_character(
    written: str, text: str
) -> None:
    line = f'{{"{written}":["{written}"]}}'

    assert jsontext.decode(line) == {text: [text]}
    assert jsontext.decode(line.encode()) == {text: [text]}
    assert normalise(json.loads(line)) == {text: [text]}


@pytest.mark.parametrize("bytes_", [b"\xed\xa0\xbd", b"\xed\xbe\xa7"])
def test_half_of_an_emoji_in_bytes_is_replaced_too(bytes_: bytes) -> None:
    assert jsontext.decode(b'["' + bytes_ + b'"]') == ["\ufffd"]


def test_a_pair_of_halves_in_bytes_is_one_character() -> None:
    assert jsontext.decode(b'["\xed\xa0\xbc\xed\xbe\xa7"]') == ["🎧"]


@pytest.mark.parametrize("half", [r"\ud83d", r"\ude00"])
def test_a_strict_decoder_leaves_half_of_an_emoji_to_decode(half: str) -> None:
    decode = jsontext.decoder_of(dict[str, Any])

    assert decode(b'{"a":1.50}') == {"a": Decimal("1.50")}
    with pytest.raises((msgspec.DecodeError, ValueError)):
        decode(f'{{"a":"{half}"}}'.encode())


@pytest.mark.parametrize(
    "text", ["", " ", "{", "[1,]", "{'a':1}", "nul", '{"a":1} x', "\ufeff{}", b"\xff"]
)
def test_what_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        jsontext.decode(text)


def _nested(levels: int, kind: str = "[]", core: str = "1") -> str:
    opening, closing = {"[]": ("[", "]"), "{}": ('{"a":', "}")}[kind]
    return opening * levels + core + closing * levels


@pytest.mark.parametrize("kind", ["[]", "{}"])
@pytest.mark.parametrize("core", ["1", "NaN", '"\\ud83d"', '"[[{{"', '"\\"[[{{"'])
def test_data_may_be_nested_to_the_limit_and_no_further(kind: str, core: str) -> None:
    most = _nested(jsontext.MOST_LEVELS, kind, core)

    for text in (most, most.encode()):
        assert jsontext.decode(text)
    for text in (f"[{most}]", f'{{"b":{most}}}'.encode()):
        with pytest.raises(jsontext.TooDeep, match="nested too deep"):
            jsontext.decode(text)


@pytest.mark.parametrize("core", ["1", "NaN"])
def test_data_deeper_than_any_reader_gets_is_too_deep(core: str) -> None:
    with pytest.raises(jsontext.TooDeep):
        jsontext.decode(_nested(10 * sys.getrecursionlimit(), core=core))
    with pytest.raises(jsontext.TooDeep):
        jsontext.decoder_of(list[Any])(_nested(jsontext.MOST_LEVELS + 1).encode())


def test_many_brackets_that_are_not_nested_are_not_deep() -> None:
    many = 2 * jsontext.MOST_LEVELS

    assert jsontext.decode("[" + "{}," * many + "[]]") == [{}] * many + [[]]
    assert jsontext.decode('["' + "[{" * many + '"]') == ["[{" * many]
    assert jsontext.decode(f'"{"[" * many}"') == "[" * many
    assert jsontext.decoder_of(list[Any])(b"[" + b"[]," * many + b"1]")


def test_text_of_the_targets_own_may_have_another_limit() -> None:
    text = _nested(2 * jsontext.MOST_LEVELS)

    assert jsontext.decode(text, most_levels=2 * jsontext.MOST_LEVELS)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False).map(lambda f: Decimal(repr(f)))
    | st.text(),
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
        "a": "\ufffd"
    }
