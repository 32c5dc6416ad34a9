"""Records that other code has made become what their JSON text would have been."""

from __future__ import annotations

import datetime as dt
import enum
import json
import uuid
from collections import OrderedDict, namedtuple
from decimal import Decimal
from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami import jsontext
from target_amplitude_nami.normalising import NotJSON, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable


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

    assert repr(normalise(record)) == repr(expected)


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
    plain = normalise({"a": [value, {"b": value}]})

    assert repr(plain) == repr({"a": [form, {"b": form}]})


NOT_FINITE: Final = [
    *[float("nan"), float("inf"), -float("inf"), 10**4300],
    *[Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+400")],
    *[OfNumpy(float("nan"), "f"), FloatOfNumpy("inf")],
]


@pytest.mark.parametrize("number", NOT_FINITE, ids=_kinds(NOT_FINITE))
def test_a_number_that_is_none_stays_one_that_is_not_finite(number: object) -> None:
    plain = normalise({"a": number})["a"]

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
    with pytest.raises(NotJSON, match=r"^devices\.1\.platform.* is ") as error:
        normalise({"id": "1", "devices": [1, {"platform": value}]})

    assert error.value.path.startswith("devices.1.platform")


def test_a_record_whose_names_are_no_text_is_refused() -> None:
    with pytest.raises(NotJSON, match=r"^7 is not text"):
        normalise({7: "a"})  # type: ignore[dict-item]


def test_a_record_may_be_nested_to_the_limit_and_not_within_itself() -> None:
    record: dict[str, Any] = {"a": 1}
    for _ in range(jsontext.MOST_LEVELS - 1):
        record = {"a": record}
    endless: dict[str, Any] = {}
    endless["in"] = [endless]

    assert normalise(record) == record
    for deep in ({"a": record}, {"a": [record]}, endless):
        with pytest.raises(jsontext.TooDeep):
            normalise(deep)


def test_normalising_leaves_the_record_alone() -> None:
    devices = [{"id": 1.5}]
    record = {"devices": devices}

    plain = normalise(record)

    assert record == {"devices": [{"id": 1.5}]}
    assert plain["devices"] is not devices
