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


def kind_of(value: object) -> ValueKind:  # noqa: PLR0911 - one for each kind
    """Return the kind of a JSON value."""
    cls = value.__class__
    if cls is str:
        return ValueKind.TEXT if value else ValueKind.EMPTY_TEXT
    if cls is bool:
        return ValueKind.TRUE if value else ValueKind.FALSE
    if cls is list:
        return ValueKind.LIST if value else ValueKind.EMPTY_LIST
    if value is None:
        return ValueKind.NOTHING
    return ValueKind.OBJECT if cls is dict else ValueKind.NUMBER
