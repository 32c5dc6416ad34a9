"""Converts columns of Arrow types that hold no other type."""

from __future__ import annotations

import contextlib
import typing as t
import uuid
from decimal import Decimal, InvalidOperation

import pyarrow as pa
from pyarrow import lib

from target_amplitude_nami.normalising import Formless

if t.TYPE_CHECKING:
    from collections.abc import Callable

    Converter = Callable[[pa.Array], list[t.Any]]
    """Makes Python values of an array of one type, None of its nulls.

    They are values that `normalising.normalise` knows, and where JSON has no form for
    them `Formless`, for which it rejects the record."""

_FRACTION_LENGTHS: t.Final = {"s": 0, "ms": 4, "us": 7, "ns": 10}
_MICROSECOND_DIGITS: t.Final = 6
_NANOSECOND_DIGITS: t.Final = 9


def unreadable(array: pa.Array) -> list[t.Any]:
    """Return the values of a type that has no form in JSON."""
    return [formless(scalar) if scalar.is_valid else None for scalar in array]


def formless(scalar: pa.Scalar) -> Formless:
    """Return a value of Arrow's that can be printed, as not all scalars can."""
    kind = str(scalar.type)
    for text_of in (str, _text_in_arrow):
        with contextlib.suppress(ArithmeticError, NotImplementedError, ValueError):
            return Formless(kind, text_of(scalar))
    return Formless(kind, "")


def _text_in_arrow(scalar: pa.Scalar) -> str:
    return str(scalar.cast(pa.string()))


def _as_they_are(array: pa.Array) -> list[t.Any]:
    values: list[t.Any] = array.to_pylist()
    return values


def _texts(array: pa.Array) -> list[t.Any]:
    try:
        return _as_they_are(array)
    except UnicodeDecodeError:
        return [
            None if value is None else _text_or_bytes(value)
            for value in array.cast(pa.large_binary()).to_pylist()
        ]


def _text_or_bytes(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _half_precision(array: pa.Array) -> list[t.Any]:
    """Return each number exactly; before 21, pyarrow itself needs NumPy for that."""
    return _as_they_are(array.cast(pa.float32()))


def _single_precision(array: pa.Array) -> list[t.Any]:
    """Return the shortest text of each number, as a number: 9.99, not 9.98999977."""
    return _as_they_are(array.cast(pa.string()).cast(pa.float64()))


def _decimals(array: pa.Array) -> list[t.Any]:
    texts = array.cast(pa.string()).to_pylist()
    try:
        return [None if text is None else Decimal(text) for text in texts]
    except InvalidOperation:  # the scale is beyond what Arrow writes
        return unreadable(array)


def _days(array: pa.Array) -> list[t.Any]:
    return _written(array, array, len("2024-05-29"), str)


def _days_in_milliseconds(array: pa.Array) -> list[t.Any]:
    """Return days, and moments of values that are no whole days, as none should be."""
    length = len("2024-05-29 12:00:00.000")
    return _written(array, array.view(pa.timestamp("ms")), length, _day_or_moment)


def _times(array: pa.Array) -> list[t.Any]:
    length = len("12:00:00") + _FRACTION_LENGTHS[array.type.unit]
    return _written(array, array, length, _time)


def _timestamps(array: pa.Array) -> list[t.Any]:
    """Return ISO 8601 in UTC, which is also what a timestamp without a zone is in."""
    unit = array.type.unit
    length = len("2024-05-29 12:00:00") + _FRACTION_LENGTHS[unit]
    return _written(array, array.view(pa.timestamp(unit)), length, _moment)


def _written(
    array: pa.Array, writable: pa.Array, length: int, write: Callable[[str], str]
) -> list[t.Any]:
    """Return texts of times.

    Args:
        array: The times.
        writable: The same, as those that Arrow writes as wanted.
        length: Of Arrow's text of a time. It is longer for what no calendar or clock
            has, and before the year 0 or after the year 9999: JSON has no form of
            those.
        write: Makes ISO 8601 of Arrow's text.
    """
    kind = str(array.type)
    return [
        None
        if text is None
        else (write(text) if len(text) == length else Formless(kind, text))
        for text in writable.cast(pa.string()).to_pylist()
    ]


def _day_or_moment(text: str) -> str:
    return text[:10] if text.endswith(" 00:00:00.000") else _moment(text)


def _moment(text: str) -> str:
    return f"{text[:10]}T{_time(text[11:])}+00:00"


def _time(text: str) -> str:
    """Return a time as `datetime` writes it, with nanoseconds where there are some."""
    seconds, _, fraction = text.partition(".")
    digits = fraction.rstrip("0")
    if not digits:
        return seconds
    is_short = len(digits) <= _MICROSECOND_DIGITS
    length = _MICROSECOND_DIGITS if is_short else _NANOSECOND_DIGITS
    return f"{seconds}.{digits.ljust(length, '0')}"


def _uuids(array: pa.Array) -> list[t.Any]:
    return [
        None if value is None else str(uuid.UUID(bytes=value))
        for value in array.to_pylist()
    ]


def _booleans_of_bytes(array: pa.Array) -> list[t.Any]:
    return [None if value is None else value != 0 for value in array.to_pylist()]


CONVERTERS: t.Final[dict[int, Converter]] = {
    **dict.fromkeys(
        [
            *(lib.Type_NA, lib.Type_BOOL, lib.Type_DOUBLE),
            *(lib.Type_INT8, lib.Type_INT16, lib.Type_INT32, lib.Type_INT64),
            *(lib.Type_UINT8, lib.Type_UINT16, lib.Type_UINT32, lib.Type_UINT64),
            *(lib.Type_BINARY, lib.Type_LARGE_BINARY, lib.Type_BINARY_VIEW),
            lib.Type_FIXED_SIZE_BINARY,
        ],
        _as_they_are,
    ),
    **dict.fromkeys(
        [lib.Type_STRING, lib.Type_LARGE_STRING, lib.Type_STRING_VIEW], _texts
    ),
    **dict.fromkeys(
        [
            *(lib.Type_DECIMAL32, lib.Type_DECIMAL64),
            *(lib.Type_DECIMAL128, lib.Type_DECIMAL256),
        ],
        _decimals,
    ),
    lib.Type_HALF_FLOAT: _half_precision,
    lib.Type_FLOAT: _single_precision,
    lib.Type_DATE32: _days,
    lib.Type_DATE64: _days_in_milliseconds,
    lib.Type_TIME32: _times,
    lib.Type_TIME64: _times,
    lib.Type_TIMESTAMP: _timestamps,
}
"""By type. A type that is not here has no form in JSON: durations and intervals."""

EXTENSIONS: t.Final[dict[str, Converter]] = {
    "arrow.bool8": _booleans_of_bytes,
    "arrow.uuid": _uuids,
}
"""By the name of an extension, of its storage. Any other is what its storage is."""
