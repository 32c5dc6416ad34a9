"""Reads JSON data where it comes in: numbers exact, text whole, depth bounded.

Two functions are the doors: `decode` for JSON text and `normalise` for records that
other code has made. What either returns is plain JSON data, and no later part of the
target has to handle anything else:

- Objects are `dict`, arrays `list`, text `str`, and no object or array lies deeper than
  `MOST_LEVELS`.
- Text can be encoded as UTF-8: half of a cut emoji (a lone surrogate, RFC 8259, "String
  and Character Issues") is U+FFFD, in names of members as well. Two names that differ
  in nothing else are one, of which the last counts, as of any name that comes twice.
- Numbers with a fraction or exponent are `Decimal`, all others `int`. `NaN`,
  infinities, integers of more than 4,300 digits, and fractions or exponents too large
  for a double, are a `Decimal` that is not finite: whoever needs a number can refuse
  that record instead of losing the line.
"""

from __future__ import annotations

import datetime as dt
import enum
import itertools
import json
import math
import re
import typing as t
import uuid
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import msgspec
import simplejson

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_T = t.TypeVar("_T")

MOST_LEVELS: t.Final = 200
"""How deep objects and arrays may be nested: beyond Amplitude's 40 levels, and well
within what Python's recursion limit of 1,000 calls allows."""

NOT_FINITE: t.Final = Decimal("NaN")

_TOO_LARGE: t.Final = 10**4300
"""The first integer that Python neither reads from text nor writes to it."""

_not_finite_may_be_met = False


class TooDeep(ValueError):  # noqa: N818 - the name says what is the matter
    """JSON data is nested deeper than `MOST_LEVELS`."""

    def __init__(self) -> None:
        """Name the limit."""
        super().__init__(f"nested too deep to be read: more than {MOST_LEVELS} levels")


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


def expect_not_finite() -> None:
    """Take note that numbers that are not finite may come from elsewhere, too."""
    global _not_finite_may_be_met  # noqa: PLW0603 - to look for none where none is
    _not_finite_may_be_met = True


def may_have_met_not_finite() -> bool:
    """Return whether a number that is not finite can be anywhere in this process."""
    return _not_finite_may_be_met


# JSON text


def decode(text: str | bytes, *, most_levels: int = MOST_LEVELS) -> t.Any:
    """Decode JSON text; see the module for what its values are.

    Args:
        text: Bytes are UTF-8, with a byte order mark or without.
        most_levels: Another limit of depth, for text that this target has written.

    Raises:
        TooDeep: For text nested deeper than the limit.
        ValueError: For text that is not JSON.
    """
    _expect_shallow(text, most_levels)
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return _decode_leniently(text)


def decoder_of(kind: type[_T]) -> Callable[[bytes], _T]:
    """Return a strict decoder of JSON texts of one kind.

    It raises `msgspec.DecodeError` or `ValueError` for anything else, `NaN` and half a
    character among it: `decode` reads those.
    """
    decode_any = msgspec.json.Decoder(kind, float_hook=_exact_number).decode

    def decode_shallow(text: bytes) -> _T:
        # To replace them takes half the time of `bytes.count`.
        without = len(text.replace(b"{", b"").replace(b"[", b""))
        if len(text) - without > MOST_LEVELS:
            _expect_shallow(text, MOST_LEVELS)
        return decode_any(text)

    return decode_shallow


def encode(value: object) -> bytes:
    """Encode what `decode` has read as ASCII, every number as it was."""
    text = simplejson.dumps(
        value, use_decimal=True, allow_nan=True, separators=(",", ":")
    )
    return text.encode("ascii")


def _decode_leniently(text: str | bytes) -> t.Any:
    """Decode what is JSON for most senders, but not for a strict reader.

    Lone surrogates, `NaN`, infinities, and integers of more than 4,300 digits. Bytes
    are UTF-8: `json` would also take UTF-16, which no line of a file can hold.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", "surrogatepass")
    value = json.loads(
        text,
        parse_float=_exact_number,
        parse_int=_exact_integer,
        parse_constant=lambda _name: _not_finite(),
    )
    return _plain(value, math.inf)


def _exact_number(text: str) -> Decimal:
    number = float(text)
    if not math.isfinite(number):
        return _not_finite()
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond Decimal's: zero, to any reader
        return Decimal(number)


def _exact_integer(text: str) -> int | Decimal:
    try:
        return int(text)
    except ValueError:  # Python refuses integers of more than 4,300 digits
        return _not_finite()


def _not_finite() -> Decimal:
    expect_not_finite()
    return NOT_FINITE


_decoder = msgspec.json.Decoder(float_hook=_exact_number)

_BESIDE_BRACKETS: t.Final = re.compile(
    rb'"(?:[^"\\]++|\\.)*+"?|[^\[\]{}"]++', re.DOTALL
)
_STEPS: t.Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def _expect_shallow(text: str | bytes, most_levels: int) -> None:
    """Refuse text that is nested too deep, before anything recurses into it.

    Few texts have so many brackets at all that their depth has to be found out.
    """
    if isinstance(text, str):
        if text.count("{") + text.count("[") <= most_levels:
            return
        text = text.encode("utf-8", "replace")
    elif text.count(b"{") + text.count(b"[") <= most_levels:
        return
    brackets = _BESIDE_BRACKETS.sub(b"", text)
    depths = itertools.accumulate(map(_STEPS.__getitem__, brackets))
    if max(depths, default=0) > most_levels:
        raise TooDeep


# Records that did not come as JSON text


def holds_not_finite(value: object) -> bool:
    """Return whether a number anywhere in JSON data is NaN or infinite."""
    if isinstance(value, dict):
        return any(map(holds_not_finite, value.values()))
    if isinstance(value, list):
        return any(map(holds_not_finite, value))
    if isinstance(value, Decimal):
        return not value.is_finite()
    return isinstance(value, float) and not math.isfinite(value)


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
    """
    if type(record) is not dict:
        record = dict(record)
    return t.cast("dict[str, t.Any]", _plain(record, MOST_LEVELS))


_ATOMS: t.Final = frozenset({bool, type(None)})


def _plain(value: t.Any, levels: float) -> t.Any:
    """Return a value as plain JSON data, no deeper than so many levels."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _whole(value)
    if kind in _ATOMS:
        return value
    if kind is dict:
        return _plain_object(value, levels)
    if kind is list:
        return _plain_array(value, levels)
    return _plain_number(value) if kind in _NUMBERS else _plain_other(value, levels)


def _plain_object(members: dict[t.Any, t.Any], levels: float) -> dict[str, t.Any]:
    if not levels:
        raise TooDeep
    plain: dict[str, t.Any] = {}
    name: t.Any = None
    try:
        for name, value in members.items():
            if type(value) is str and value.isascii():
                member = value
            else:
                member = _plain(value, levels - 1)
            plain[name if type(name) is str and name.isascii() else _name(name)] = (
                member
            )
    except NotJSON as error:
        error.path = f"{name}.{error.path}" if error.path else f"{name}"
        raise
    return plain


def _plain_array(items: Iterable[t.Any], levels: float) -> list[t.Any]:
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


def _whole(text: str) -> str:
    """Return text in which every half of a character is U+FFFD, and pairs are one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


_NUMBERS: t.Final = frozenset({int, float, Decimal})


def _plain_number(number: float | Decimal) -> int | Decimal:
    if isinstance(number, int):
        return number if -_TOO_LARGE < number < _TOO_LARGE else _not_finite()
    if isinstance(number, float):
        return Decimal(repr(number)) if math.isfinite(number) else _not_finite()
    # Beyond what a double holds, others see infinity.
    if not number.is_finite() or not math.isfinite(float(number)):
        return _not_finite()
    return number


def _plain_other(value: t.Any, levels: float) -> t.Any:  # noqa: C901, PLR0911, PLR0912
    """Return the one form of each kind of value that JSON has not."""
    match value:
        case enum.Enum():
            return _plain(value.value, levels)
        case str():
            return _whole(str.__str__(value))
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


def _plain_of_numpy(value: t.Any, levels: float) -> t.Any:
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
    return NotJSON(
        f"is a value of the type {type(value).__qualname__}, for which JSON has no "
        f"form: give it as text, number, boolean, list, dictionary or None"
    )
