"""Gives an event's properties the form that the nested shape of its record has.

A warehouse keeps objects as JSON text, and flattening loses nulls and empty objects: in
every shape a property is the object, and what is null is not there.
"""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import UnreadableRecord

_OPENINGS: t.Final = frozenset({"{", "["})
_BRACE, _BRACKET = b"{["
_NULL, _EMPTY_OBJECT = b"\xc0\x80"
"""In MessagePack."""

_packer = msgspec.msgpack.Encoder()
_json_encoder = msgspec.json.Encoder()


def plain_value(value: t.Any, levels: int = jsontext.MOST_LEVELS) -> t.Any:
    """Return a value as the nested shape of its record has it; None for nothing.

    Text that is a JSON object or array becomes that; members of objects that are null
    or empty objects fall away, as flattening loses them.

    Args:
        value: JSON data.
        levels: How deep it may be made by opening text in it; other text stays text.
    """
    if isinstance(value, str):
        return _parsed(value, levels) if value[:1] in _OPENINGS else value
    if isinstance(value, dict):
        members = {
            name: plain
            for name, member in value.items()
            if (plain := plain_value(member, levels - 1)) is not None
        }
        return members or None
    return value


def plain_members(members: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return an object's members as plain values, itself where they surely are."""
    return members if are_plain(members) else plain_value(members) or {}


def are_plain(values: dict[str, t.Any] | tuple[t.Any, ...]) -> bool:
    """Return whether values are surely plain, as most are.

    Packed as MessagePack, null and the empty object are bytes of their own, and text
    is itself; where these bytes are not, also not by chance, nothing has to change.
    """
    try:
        packed = _packer.encode(values)
        return not (
            _NULL in packed
            or _BRACE in packed
            or _BRACKET in packed
            # This byte is part of many characters, too, such as — and most emoji.
            or (_EMPTY_OBJECT in packed and b"{}" in _json_encoder.encode(values))
        )
    except OverflowError:  # an integer that MessagePack has no room for
        return False


def _parsed(text: str, levels: int) -> t.Any:
    if text[-1:] not in {"}", "]"}:
        return text
    try:
        value = jsontext.decode(text, most_levels=levels)
    except jsontext.TooDeep as error:
        raise UnreadableRecord(
            "too_deep", "event_properties", f"JSON text in the record is {error}"
        ) from error
    except ValueError:
        return text
    return plain_value(value, levels)
