"""Reads moments in every form that a tap or warehouse writes, alike on every Python.

Text is ISO 8601 with a date first, its zone `Z`, `UTC`, an offset, or none, which means
UTC. Numbers, also as text, count from 1970; their size determines the unit:

| below | unit | up to the year |
|---|---|---|
| 10**11 | seconds | 5138 |
| 10**14 | milliseconds | 5138 |
| 10**17 | microseconds | 5138 |
| 10**20 | nanoseconds | 5138 |

Every moment since March 1973 has one unit only. Names of other zones, and forms that
people read in two ways (`05/06/2024`), are never guessed.
"""

from __future__ import annotations

import re
import typing as t
from datetime import UTC, date, datetime, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_FLOOR, Context, Decimal

_Moment: t.TypeAlias = tuple[int, str]
"""Whole seconds since 1970, and the digits of the fraction of one more."""

_EPOCH: t.Final = datetime(1970, 1, 1)  # noqa: DTZ001 - every moment here is in UTC
_EPOCH_DAY: t.Final = _EPOCH.toordinal()
_DAY_SECONDS: t.Final = 24 * 60 * 60
_MILLISECOND: t.Final = timedelta(milliseconds=1)
_HOURS: t.Final = 24
_MINUTES: t.Final = 60

_NANOSECONDS_IN: t.Final = ((10**11, 9), (10**14, 6), (10**17, 3), (10**20, 0))
"""By size of the number: the power of ten that makes it nanoseconds."""
_YEAR_2000_NS: t.Final = 946_684_800 * 10**9
_YEAR_2100_NS: t.Final = 4_102_444_800 * 10**9

_EXACT: t.Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""Moves a decimal point without rounding anything."""

_NUMBER = re.compile(r"\d+\.?\d*(?:E[+-]?\d{1,3})?|\.\d+", re.ASCII).fullmatch
_NET_DATE = re.compile(r"/DATE\((\d+)(?:[+-]\d*)?\)/", re.ASCII).fullmatch
_ISO = re.compile(
    r"""
    (?P<year>\d{4})(?P<dash>-?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)
    (?:
        (?:T|[ \t]+)
        (?P<hour>\d\d)
        (?:
            (?P<colon>:?)(?P<minute>\d\d)
            (?:(?P=colon)(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?
        )?
        [ \t]*
        (?:Z|UTC|(?P<sign>[+-])(?P<away>\d\d)(?::?(?P<more>\d\d))?)?
    )?
    """,
    re.ASCII | re.VERBOSE,
).fullmatch

_ZERO_FOR_DIGIT: t.Final = bytes.maketrans(b"123456789", b"0" * 9)
_FRACTIONS: t.Final = ("", *("." + "0" * digits for digits in range(1, 10)))
_USUAL: t.Final = {
    f"0000-00-00{between}00:00:00{fraction}{zone}".encode(): (
        _EPOCH.replace(tzinfo=UTC) if zone else _EPOCH,
        "6" if zone[1:] else ":",
    )
    for between in "T "
    for fraction in _FRACTIONS
    for zone in ("", "Z", "+00:00", "-00:00", "+0000", "-0000", "+00", "-00")
}
"""By shape, with a zero for each digit: what `fromisoformat` reads in every version of
Python; with the start of 1970 to subtract, and what the last digit but one has to be
below: it reads `+01:75`, too, and `23:59:360Z` as 36 seconds."""
_CANONICAL: t.Final = frozenset(
    f"0000-00-00T00:00:00{fraction}Z".encode() for fraction in _FRACTIONS
)
"""The shapes that `utc_text` gives."""


def milliseconds(value: object) -> int | None:
    """Return a moment as whole milliseconds since 1970, fractions cut off.

    Returns:
        None for what cannot be read for certain.
    """
    if isinstance(value, str):
        try:
            usual = _USUAL.get(value.encode().translate(_ZERO_FOR_DIGIT))
            if usual is not None and value[-2] < usual[1]:
                return (datetime.fromisoformat(value) - usual[0]) // _MILLISECOND
        except ValueError:
            pass  # no such day or hour
    nanoseconds = _nanoseconds(value)
    if nanoseconds is not None:
        return int(nanoseconds.to_integral_value(ROUND_FLOOR, _EXACT)) // 10**6
    moment = _moment(value)
    if moment is None:
        return None
    seconds, fraction = moment
    return seconds * 1000 + int(f"{fraction:0<3}"[:3])


def utc_text(value: object) -> str | None:
    """Return a moment as `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, in UTC.

    All digits of the fraction stay but zeros at its end. A number counts only where it
    lies between the years 2000 and 2100: others may be a day written as one (20240529),
    or a day so far off (9999-12-31) that its size means a wrong unit.

    Returns:
        None for what cannot be read for certain.
    """
    if isinstance(value, str) and _is_canonical(value):
        return value
    nanoseconds = _nanoseconds(value)
    if nanoseconds is not None:
        moment = _moment_of_number(nanoseconds)
    else:
        moment = _moment(value)
    if moment is None:
        return None
    seconds, fraction = moment
    try:
        whole = (_EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:  # its offset takes it out of the calendar
        return None
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def _is_canonical(text: str) -> bool:
    try:
        shape = text.encode().translate(_ZERO_FOR_DIGIT)
        if shape not in _CANONICAL or ("." in text and text[-2] == "0"):
            return False
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return text[11:13] != "24"


def _nanoseconds(value: object) -> Decimal | None:
    """Return a number, or text that is one, as nanoseconds since 1970.

    None for what is no number, or lies beyond any moment.
    """
    number = _number(value)
    if number is None or not number.is_finite():
        return None
    size = number.copy_abs()
    for bound, exponent in _NANOSECONDS_IN:
        if size < bound:
            return number.scaleb(exponent, _EXACT)
    return None


def _number(value: object) -> Decimal | None:
    if isinstance(value, str):
        if value[4:5] == "-":  # after a year, in most texts by far
            return None
        text = value.strip().upper()
        if ticks := _NET_DATE(text):
            text = ticks[1]
        return Decimal(text) if _NUMBER(text) else None
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    return None


def _moment_of_number(nanoseconds: Decimal) -> _Moment | None:
    """Return the moment that a number surely means, to its last digit."""
    if not _YEAR_2000_NS <= nanoseconds < _YEAR_2100_NS:
        return None
    if nanoseconds != nanoseconds.to_integral_value(ROUND_FLOOR, _EXACT):
        return None
    seconds, rest = divmod(int(nanoseconds), 10**9)
    return seconds, f"{rest:09}"


def _moment(value: object) -> _Moment | None:
    if isinstance(value, str):
        return _moment_of_text(value)
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        since = value - _EPOCH
        return since.days * _DAY_SECONDS + since.seconds, f"{since.microseconds:06}"
    if isinstance(value, date):
        return (value.toordinal() - _EPOCH_DAY) * _DAY_SECONDS, ""
    return None


def _moment_of_text(text: str) -> _Moment | None:
    match = _ISO(text.strip().upper())
    if match is None:
        return None
    fraction: str = match["fraction"] or ""
    hour, minute, second, away, more = (
        int(part or 0)
        for part in match.group("hour", "minute", "second", "away", "more")
    )
    is_over = minute >= _MINUTES or second >= _MINUTES or more >= _MINUTES
    # 24:00 is the end of a day, as ISO 8601 writes it: Python reads it from 3.14 on.
    ends_the_day = hour == _HOURS and not (minute or second or fraction.strip("0"))
    if is_over or away >= _HOURS or (hour >= _HOURS and not ends_the_day):
        return None
    try:
        day = date(*map(int, match.group("year", "month", "day"))).toordinal()
    except ValueError:
        return None
    offset = (away * 60 + more) * 60
    seconds = (day - _EPOCH_DAY) * _DAY_SECONDS + (hour * 60 + minute) * 60 + second
    return seconds + (offset if match["sign"] == "-" else -offset), fraction
