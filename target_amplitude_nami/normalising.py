"""Makes plain JSON data of records that other code has made.

What it returns is what `jsontext.decode` would have read; see there for what that is.
"""

from __future__ import annotations

import datetime as dt
import enum
import math
import typing as t
import uuid
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from target_amplitude_nami.jsontext import (
    MOST_LEVELS,
    TooDeep,
    encode,
    not_finite,
    whole,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_TEXT_SHOWN: t.Final = 60
_TOO_LARGE: t.Final = 10**4300
"""The first integer that Python neither reads from text nor writes to it."""


class NotJSON(ValueError):  # noqa: N818 - the name says what is the matter
    """A value of a record has no form in JSON.

    Attributes:
        path: The member that holds it, such as `devices.0.id`.
    """

    def __init__(self, problem: str) -> None:
        """Take a sentence that names the value and what to give instead."""
        super().__init__(problem)
        self.path = ""

    def __str__(self) -> str:
        return f"{self.path or 'the record'} {super().__str__()}"


class Formless(msgspec.Struct, frozen=True):
    """A value that JSON has no form for, of data whose types are not Python's.

    Unlike the values of some libraries, it can always be printed and pickled.
    """

    kind: str
    """What its type is called there."""
    text: str

    def __str__(self) -> str:
        return self.text


def normalise(record: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return a record that other code has made as `decode` would have read it.

    | Value | becomes |
    |---|---|
    | `float` | the `Decimal` of its shortest text (`9.99`), as JSON text has it |
    | NaN, infinities | a `Decimal` that is not finite: the record is rejected |
    | `datetime` | ISO 8601 with its offset; without a zone it is UTC |
    | `date`, `time` | ISO 8601 |
    | `bytes` | text, if it is UTF-8 |
    | `UUID` | its text |
    | a member of an `Enum` | its value |
    | scalars and arrays of NumPy | their values |
    | tuple, set | a list, that of a set in the order of its members' JSON texts |

    None is null, and nothing else becomes null.

    Args:
        record: Is left as it is.

    Raises:
        TooDeep: For a record nested deeper than `MOST_LEVELS`, or within itself.
        NotJSON: For any other value, and for a name that is no text. It names the
            member.
        TypeError: When the record is no mapping.
    """
    if type(record) is not dict:
        if not isinstance(record, Mapping):
            raise TypeError(
                f"a record is a mapping of names to values, such as a dict, and not "
                f"{type(record).__qualname__}"
            )
        record = dict(record)
    return t.cast("dict[str, t.Any]", _plain(record, MOST_LEVELS))


_ATOMS: t.Final = frozenset({bool, type(None)})


def _plain(value: t.Any, levels: int) -> t.Any:
    """Return a value as plain JSON data, no deeper than so many levels."""
    kind = type(value)
    if kind is str:
        return whole(value)
    if kind in _ATOMS:
        return value
    if kind is dict:
        return _plain_object(value, levels)
    if kind is list:
        return _plain_array(value, levels)
    return _plain_number(value) if kind in _NUMBERS else _plain_other(value, levels)


def _plain_object(members: dict[t.Any, t.Any], levels: int) -> dict[str, t.Any]:
    if not levels:
        raise TooDeep
    plain: dict[str, t.Any] = {}
    name: t.Any = None
    try:
        for name, value in members.items():
            if value is None or (type(value) is str and value.isascii()):
                member = value
            else:
                member = _plain(value, levels - 1)
            plain[name if type(name) is str and name.isascii() else _name(name)] = (
                member
            )
    except NotJSON as error:
        shown = _shown(name)
        error.path = f"{shown}.{error.path}" if error.path else shown
        raise
    return plain


def _shown(name: object) -> str:
    try:
        return f"{name}"
    except Exception:  # noqa: BLE001 - whatever the caller's types do
        return type(name).__qualname__


def _plain_array(items: Iterable[t.Any], levels: int) -> list[t.Any]:
    if not levels:
        raise TooDeep
    plain: list[t.Any] = []
    try:
        for item in items:
            plain.append(_plain(item, levels - 1))  # noqa: PERF401 - counts for errors
    except NotJSON as error:
        error.path = f"{len(plain)}.{error.path}" if error.path else f"{len(plain)}"
        raise
    return plain


def _name(name: object) -> str:
    if isinstance(name, str):
        return t.cast("str", _plain(name.value if _is_enum(name) else name, 1))
    raise NotJSON(f"is not text ({type(name).__name__}): the names of members are text")


def _is_enum(value: object) -> t.TypeGuard[enum.Enum]:
    return isinstance(value, enum.Enum)


_NUMBERS: t.Final = frozenset({int, float, Decimal})


def _plain_number(number: float | Decimal) -> int | Decimal:
    if isinstance(number, int):
        return number if -_TOO_LARGE < number < _TOO_LARGE else not_finite()
    if isinstance(number, float):
        return Decimal(repr(number)) if math.isfinite(number) else not_finite()
    # Beyond what a double holds, others see infinity.
    if not number.is_finite() or not math.isfinite(float(number)):
        return not_finite()
    return number


def _plain_other(value: t.Any, levels: int) -> t.Any:  # noqa: C901, PLR0911, PLR0912
    """Return the one form of each kind of value that JSON has not."""
    match value:
        case enum.Enum():
            return _plain(value.value, levels)
        case str():
            return whole(str.__str__(value))
        case int():
            return _plain_number(int(value))
        case float() if not _is_of_numpy(value):
            return _plain_number(float(value))
        case Decimal():
            return _plain_number(Decimal(value))
        case Mapping():
            return _plain_object(dict(value), levels)
        case list() | tuple():
            return _plain_array(value, levels)
        case set() | frozenset():
            return sorted(_plain_array(value, levels), key=encode)
        case dt.datetime():
            return _moment(value)
        case dt.date() | dt.time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return _text_of(bytes(value))
        case uuid.UUID():
            return str(value)
        case _ if _is_of_numpy(value):
            return _plain_of_numpy(value, levels)
    raise _no_form(value)


def _moment(value: dt.datetime) -> str:
    if value != value:  # noqa: PLR0124 - `NaT` of pandas, which has no form
        raise _no_form(value)
    if value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    return value.isoformat()


def _text_of(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise NotJSON(
            "is bytes that are not UTF-8 text: give it as text, such as Base64"
        ) from None


def _is_of_numpy(value: object) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "item")


def _plain_of_numpy(value: t.Any, levels: int) -> t.Any:
    if value.shape:
        return _plain_array(value, levels)
    if value.dtype.kind == "M":  # a moment, in UTC; as a number it would lose its unit
        text = str(value)
        if text == "NaT":
            raise _no_form(value)
        return f"{text}Z" if "T" in text else text
    plain = value.item()
    if _is_of_numpy(plain):  # a number that Python has no type for
        raise _no_form(value)
    return _plain(plain, levels)


def _no_form(value: object) -> NotJSON:
    if isinstance(value, Formless):
        kind = f"{value.kind} ({value.text[:_LONGEST_TEXT_SHOWN]})"
    else:
        kind = type(value).__qualname__
    return NotJSON(
        f"is a value of the type {kind}, for which JSON has no "
        f"form: give it as text, number, boolean, list, dictionary or None"
    )
