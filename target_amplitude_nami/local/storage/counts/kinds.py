"""Defines the kinds of values that are counted for each property."""

from __future__ import annotations

from enum import IntEnum


class ValueKind(IntEnum):
    """What a value is, as far as figures distinguish it; also its column's place."""

    NOTHING = 0
    """JSON's null."""
    FALSE = 1
    TRUE = 2
    NUMBER = 3
    EMPTY_TEXT = 4
    TEXT = 5
    EMPTY_LIST = 6
    LIST = 7
    OBJECT = 8


class Scope(IntEnum):
    """Which part of an event a property is in."""

    FIELD = 0
    """A key of the event itself, such as `user_id`."""
    EVENT = 1
    """`event_properties`."""
    USER = 2
    """`user_properties`; of an operator such as `$set`, what it is applied to."""


EMPTY: dict[type, object] = {str: "", bool: False, list: []}
"""By type the value that is a kind of its own."""


def kind_of(cls: type, *, is_truthy: bool) -> ValueKind:
    """Return the kind of the true or of the false values of a JSON type."""
    if cls in _KINDS:
        return _KINDS[cls][is_truthy]
    return ValueKind.NUMBER


_KINDS = {
    str: (ValueKind.EMPTY_TEXT, ValueKind.TEXT),
    bool: (ValueKind.FALSE, ValueKind.TRUE),
    list: (ValueKind.EMPTY_LIST, ValueKind.LIST),
    dict: (ValueKind.OBJECT, ValueKind.OBJECT),
    type(None): (ValueKind.NOTHING, ValueKind.NOTHING),
}
