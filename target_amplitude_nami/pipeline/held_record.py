"""Packs a record as JSON to be held in the store, and unpacks it."""

from __future__ import annotations

import typing as t
from decimal import Decimal

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.nami.records import NamiEvent, NamiUser

_MOST_LEVELS: t.Final = 900
"""Of a kept record: text that was opened and this form of it add to a line's own."""


class _Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record as the store holds it."""

    event: NamiEvent | None = None
    user: NamiUser | None = None


def pack(record: NamiEvent | NamiUser) -> bytes:
    """Return a record as JSON text, digit for digit.

    Raises:
        RecursionError: When it is nested too deep.
    """
    kept = _Kept(user=record) if isinstance(record, NamiUser) else _Kept(event=record)
    return jsontext.encode(msgspec.to_builtins(kept, builtin_types=(Decimal,)))


def unpack(text: bytes) -> NamiEvent | NamiUser:
    """Return the record that `pack` was given.

    Raises:
        ValueError: For anything else.
    """
    try:
        message = jsontext.decode(text, most_levels=_MOST_LEVELS)
        kept = msgspec.convert(message, _Kept)
    except (msgspec.ValidationError, TypeError) as error:
        raise ValueError(*error.args) from error
    record = kept.event or kept.user
    if record is None:
        raise ValueError(text)
    return record


def check_line(line: bytes) -> None:
    """Check that a line from the store is a RECORD message.

    Raises:
        ValueError: When it is not.
    """
    try:
        message = jsontext.decode(line)
    except jsontext.TooDeep:  # it holds more than what was understood of it
        return
    if not isinstance(message, dict) or message.get("type") != "RECORD":
        raise ValueError(line)
