"""Reads JSON data where it comes in: numbers exact, text whole, depth bounded.

`decode` takes JSON text, `normalising.normalise` for records that other code
has made. What either returns is plain JSON data, and no later part of the target has to
handle anything else:

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

import itertools
import json
import math
import re
import typing as t
from decimal import Decimal, InvalidOperation

import msgspec
import simplejson

if t.TYPE_CHECKING:
    from collections.abc import Callable

_T = t.TypeVar("_T")

MOST_LEVELS: t.Final = 200
"""How deep objects and arrays may be nested: beyond Amplitude's 40 levels, and well
within what Python's recursion limit of 1,000 calls allows."""

NOT_FINITE: t.Final = Decimal("NaN")

_not_finite_may_be_met = False


class TooDeep(ValueError):  # noqa: N818 - the name says what is the matter
    """JSON data is nested deeper than `MOST_LEVELS`."""

    def __init__(self) -> None:
        """Name the limit."""
        super().__init__(f"nested too deep to be read: more than {MOST_LEVELS} levels")


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
        parse_constant=lambda _name: not_finite(),
    )
    return _with_whole_text(value)


def _with_whole_text(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, dict):
        return {whole(name): _with_whole_text(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_whole_text(item) for item in value]
    return value


def whole(text: str) -> str:
    """Return text in which every half of a character is U+FFFD, and pairs are one."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _exact_number(text: str) -> Decimal:
    number = float(text)
    if not math.isfinite(number):
        return not_finite()
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond Decimal's: zero, to any reader
        return Decimal(number)


def _exact_integer(text: str) -> int | Decimal:
    try:
        return int(text)
    except ValueError:  # Python refuses integers of more than 4,300 digits
        return not_finite()


def not_finite() -> Decimal:
    """Return a number that is not finite, and take note that there is one."""
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
        text = text.encode("utf-8", "replace")
    # To replace them takes half the time of `bytes.count`.
    without = len(text.replace(b"{", b"").replace(b"[", b""))
    if len(text) - without <= most_levels:
        return
    brackets = _BESIDE_BRACKETS.sub(b"", text)
    depths = itertools.accumulate(map(_STEPS.__getitem__, brackets))
    if max(depths, default=0) > most_levels:
        raise TooDeep


def holds_not_finite(value: object) -> bool:
    """Return whether a number anywhere in JSON data is NaN or infinite."""
    if isinstance(value, dict):
        return any(map(holds_not_finite, value.values()))
    if isinstance(value, list):
        return any(map(holds_not_finite, value))
    if isinstance(value, Decimal):
        return not value.is_finite()
    return isinstance(value, float) and not math.isfinite(value)
