"""Reads JSON without losing a digit or a character.

Numbers with a fraction or exponent become `Decimal`, integers stay integers, and half
of a cut emoji stays what it is. `NaN`, infinities, integers of more than 4,300 digits,
and fractions or exponents too large for a double, become a `Decimal` that is not
finite: whoever needs a number can refuse that record instead of losing the line.
"""

from __future__ import annotations

import json
import math
import typing as t
from decimal import Decimal, InvalidOperation

import msgspec
import simplejson

_T = t.TypeVar("_T")

NOT_FINITE: t.Final = Decimal("NaN")

_not_finite_may_be_met = False


def expect_not_finite() -> None:
    """Take note that numbers that are not finite may come from elsewhere, too."""
    global _not_finite_may_be_met  # noqa: PLW0603 - to look for none where none is
    _not_finite_may_be_met = True


def may_have_met_not_finite() -> bool:
    """Return whether a number that is not finite can be anywhere in this process."""
    return _not_finite_may_be_met


def _exact_number(text: str) -> Decimal:
    number = float(text)
    if not math.isfinite(number):
        return _not_finite()
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond Decimal's: zero, to any reader
        return Decimal(number)


_decoder = msgspec.json.Decoder(float_hook=_exact_number)


def decoder_of(kind: type[_T]) -> msgspec.json.Decoder[_T]:
    """Return a strict decoder of JSON texts of one kind."""
    return msgspec.json.Decoder(kind, float_hook=_exact_number)


def decode(text: str | bytes) -> t.Any:
    """Return what the JSON text says.

    Raises:
        ValueError: For text that is not JSON, or nested too deep to be read.
    """
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return _decode_leniently(text)
    except RecursionError as error:
        msg = "nested too deep to be read"
        raise ValueError(msg) from error


def _decode_leniently(text: str | bytes) -> t.Any:
    """Decode what is JSON for most senders, but not for a strict reader.

    Lone surrogates, `NaN`, infinities, and integers of more than 4,300 digits. Bytes
    are UTF-8: `json` would also take UTF-16, which no line of a file can hold.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8-sig", "surrogatepass")
    try:
        return json.loads(
            text,
            parse_float=_exact_number,
            parse_int=_exact_integer,
            parse_constant=lambda _name: _not_finite(),
        )
    except RecursionError as error:
        msg = "nested too deep to be read"
        raise ValueError(msg) from error


def _exact_integer(text: str) -> int | Decimal:
    try:
        return int(text)
    except ValueError:  # Python refuses integers of more than 4,300 digits
        return _not_finite()


def _not_finite() -> Decimal:
    expect_not_finite()
    return NOT_FINITE


def encode(value: object) -> bytes:
    """Encode what `decode` has read, every number as it was."""
    text = simplejson.dumps(
        value, use_decimal=True, allow_nan=True, separators=(",", ":")
    )
    return text.encode("ascii")
