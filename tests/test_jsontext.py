"""JSON data is exact, whole and bounded where it comes in."""

from __future__ import annotations

import datetime as dt
import enum
import json
import sys
import uuid
from collections import OrderedDict, namedtuple
from decimal import Decimal
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami import jsontext

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    assert jsontext.normalise(json.loads(line)) == {text: [text]}


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


# Records that other code has made


@given(
    record=st.dictionaries(
        st.text(st.characters(codec=None, exclude_categories=())),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(st.characters(codec=None, exclude_categories=())),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=10,
        ),
    )
)
def test_json_data_is_what_its_text_would_have_been(record: dict[str, Any]) -> None:
    expected = jsontext.decode(json.dumps(record))

    assert repr(jsontext.normalise(record)) == repr(expected)


class Colour(enum.Enum):
    RED = "red"
    NONE = None


class Level(enum.IntEnum):
    LOW = 1


class Word(str):  # noqa: SLOT000
    """Text with a face of its own."""

    def __str__(self) -> str:
        return "another"


class OfNumpy:
    """What a scalar of NumPy looks like to whoever does not import it."""

    shape: tuple[int, ...] = ()

    def __init__(self, value: Any, kind: str = "i") -> None:
        self._value = value
        self.dtype = SimpleNamespace(kind=kind)

    def item(self) -> Any:
        return self._value

    def __str__(self) -> str:
        return str(self._value)


class ArrayOfNumpy(OfNumpy):
    shape = (2,)

    def __iter__(self) -> Any:
        return iter([OfNumpy(item) for item in self._value])


class FloatOfNumpy(float):
    """`numpy.float64` is a `float`, too."""

    __slots__ = ()
    shape = ()
    dtype = SimpleNamespace(kind="f")

    def item(self) -> float:
        return float(self)

    def __repr__(self) -> str:
        return f"np.float64({float(self)!r})"


ABROAD = dt.timezone(dt.timedelta(hours=-9, minutes=-30))
NOON = dt.datetime(2024, 5, 29, 12, 0, 0, 227760)  # noqa: DTZ001 - has no zone
Pair = namedtuple("Pair", "key value")  # noqa: PYI024 - as others make them

FORMS: Final[list[tuple[object, object]]] = [
    (None, None),
    (True, True),
    (7, 7),
    (9.99, Decimal("9.99")),
    (1.0, Decimal("1.0")),
    (1e22, Decimal("1e+22")),
    (Decimal("9.990"), Decimal("9.990")),
    (Decimal("1E-400"), Decimal("1E-400")),
    (10**4300 - 1, 10**4300 - 1),
    (NOON.replace(tzinfo=dt.UTC), "2024-05-29T12:00:00.227760+00:00"),
    (NOON.replace(tzinfo=ABROAD), "2024-05-29T12:00:00.227760-09:30"),
    (NOON, "2024-05-29T12:00:00.227760+00:00"),
    (NOON.date(), "2024-05-29"),
    (NOON.time(), "12:00:00.227760"),
    ("é".encode(), "é"),
    (bytearray(b"a"), "a"),
    (memoryview(b"a"), "a"),
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Colour.RED, "red"),
    (Colour.NONE, None),
    (Level.LOW, 1),
    (Word("its own"), "its own"),
    (Word("half \ud83d"), "half \ufffd"),
    ((1, "a"), [1, "a"]),
    (Pair("a", 1), ["a", 1]),
    ({"b", "a", "c"}, ["a", "b", "c"]),
    (frozenset({3, 20}), [20, 3]),
    (OrderedDict(a=1.5), {"a": Decimal("1.5")}),
    (MappingProxyType({Colour.RED.value: (1,)}), {"red": [1]}),
    (OfNumpy(7), 7),
    (OfNumpy(0.1), Decimal("0.1")),
    (OfNumpy(value=True, kind="b"), True),
    (FloatOfNumpy(0.1), Decimal("0.1")),
    (ArrayOfNumpy([1, 2]), [1, 2]),
    (OfNumpy("2024-05-29T12:00:00.227760001", "M"), "2024-05-29T12:00:00.227760001Z"),
    (OfNumpy("2024-05-29", "M"), "2024-05-29"),
]


def _kinds(values: Iterable[object]) -> list[str]:
    return [f"{n}-{type(value).__name__}" for n, value in enumerate(values)]


@pytest.mark.parametrize(
    ("value", "form"), FORMS, ids=_kinds(value for value, _ in FORMS)
)
def test_each_value_that_json_has_not_has_one_form(value: object, form: object) -> None:
    plain = jsontext.normalise({"a": [value, {"b": value}]})

    assert repr(plain) == repr({"a": [form, {"b": form}]})


NOT_FINITE: Final = [
    *[float("nan"), float("inf"), -float("inf"), 10**4300],
    *[Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+400")],
    *[OfNumpy(float("nan"), "f"), FloatOfNumpy("inf")],
]


@pytest.mark.parametrize("number", NOT_FINITE, ids=_kinds(NOT_FINITE))
def test_a_number_that_is_none_stays_one_that_is_not_finite(number: object) -> None:
    plain = jsontext.normalise({"a": number})["a"]

    assert type(plain) is Decimal
    assert plain.is_qnan()
    assert jsontext.may_have_met_not_finite()


class NotATime(dt.datetime):
    """`NaT` of pandas, which equals nothing."""

    def __ne__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


OTHERS: Final = [
    *[object(), 1j, dt.timedelta(1), b"\xff", range(3), len],
    *[NotATime(2024, 5, 29), OfNumpy("NaT", "M"), OfNumpy(dt.timedelta(1), "m")],
    *[OfNumpy(OfNumpy(1)), {1: "a"}, {None: "a"}, {("a",): 1}],
]


@pytest.mark.parametrize("value", OTHERS, ids=_kinds(OTHERS))
def test_any_other_value_is_refused_by_the_name_of_its_member(value: object) -> None:
    with pytest.raises(jsontext.NotJSON, match=r"^devices\.1\.platform.* is ") as error:
        jsontext.normalise({"id": "1", "devices": [1, {"platform": value}]})

    assert error.value.path.startswith("devices.1.platform")


def test_a_record_whose_names_are_no_text_is_refused() -> None:
    with pytest.raises(jsontext.NotJSON, match=r"^7 is not text"):
        jsontext.normalise({7: "a"})  # type: ignore[dict-item]


def test_a_record_may_be_nested_to_the_limit_and_not_within_itself() -> None:
    record: dict[str, Any] = {"a": 1}
    for _ in range(jsontext.MOST_LEVELS - 1):
        record = {"a": record}
    endless: dict[str, Any] = {}
    endless["in"] = [endless]

    assert jsontext.normalise(record) == record
    for deep in ({"a": record}, {"a": [record]}, endless):
        with pytest.raises(jsontext.TooDeep):
            jsontext.normalise(deep)


def test_normalising_leaves_the_record_alone() -> None:
    devices = [{"id": 1.5}]
    record = {"devices": devices}

    plain = jsontext.normalise(record)

    assert record == {"devices": [{"id": 1.5}]}
    assert plain["devices"] is not devices
