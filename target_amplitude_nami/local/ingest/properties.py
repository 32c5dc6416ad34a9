"""Applies the `user_properties` of an event to the current ones of its user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.model import JsonObject

_CLEAR = "$clearAll"

ABSENT = msgspec.UNSET
"""The value of a property that does not exist."""

_Operator: TypeAlias = Callable[[JsonObject, str, Any], None]


def are_sound(properties: JsonObject) -> bool:
    """Return whether user properties are valid.

    Operators and plain names must not be mixed, and each operator needs an object
    (Identify API).
    """
    if _OPERATIONS.isdisjoint(properties):
        return True
    return all(
        name == _CLEAR or (name in _OPERATORS and isinstance(operands, dict))
        for name, operands in properties.items()
    )


def are_plain(properties: Iterable[str]) -> bool:
    """Return whether properties are set as they are, without an operator."""
    return _OPERATIONS.isdisjoint(properties)


def apply(table: JsonObject, properties: JsonObject) -> JsonObject:
    """Apply the properties of an event to those of a user (Identify API, operations).

    Plain properties overwrite. Returned are the previous values of all properties that
    the event names: `ABSENT` for those that are new.
    """
    before: JsonObject = {}
    if _CLEAR in properties:
        before.update(table)
        table.clear()
    elif _OPERATIONS.isdisjoint(properties):
        before = {key: table.get(key, ABSENT) for key in properties}
        table.update(properties)
        return before
    for name, operands in properties.items():
        operate = _OPERATORS.get(name)
        if operate is not None:
            for key, value in operands.items():
                before.setdefault(key, table.get(key, ABSENT))
                operate(table, key, value)
    return before


def changed(before: JsonObject, table: JsonObject) -> list[str]:
    """Return the names of the properties whose value changed."""
    return [
        name
        for name, old in before.items()
        if (new := table.get(name, ABSENT)) is not old
        # To Python, true equals 1 and 1 equals 1.0; to a user property it does not.
        and (new != old or type(new) is not type(old))
    ]


def _set(table: JsonObject, key: str, value: Any) -> None:
    table[key] = value


def _set_once(table: JsonObject, key: str, value: Any) -> None:
    table.setdefault(key, value)


def _unset(table: JsonObject, key: str, _: Any) -> None:
    table.pop(key, None)


def _add(table: JsonObject, key: str, value: Any) -> None:
    current = table.get(key, 0)
    if _is_number(current) and _is_number(value):
        table[key] = current + value


def _append(table: JsonObject, key: str, value: Any) -> None:
    table[key] = _grown(_items(table.get(key)) + _items(value))


def _prepend(table: JsonObject, key: str, value: Any) -> None:
    table[key] = _grown(_items(value) + _items(table.get(key)))


def _pre_insert(table: JsonObject, key: str, value: Any) -> None:
    current = _items(table.get(key))
    table[key] = _grown(_absent(value, current) + current)


def _post_insert(table: JsonObject, key: str, value: Any) -> None:
    current = _items(table.get(key))
    table[key] = _grown(current + _absent(value, current))


def _remove(table: JsonObject, key: str, value: Any) -> None:
    if key in table:
        gone = _items(value)
        table[key] = [item for item in _items(table[key]) if item not in gone]


_OPERATORS: Mapping[str, _Operator] = MappingProxyType(
    {
        "$set": _set,
        "$setOnce": _set_once,
        "$unset": _unset,
        "$add": _add,
        "$append": _append,
        "$prepend": _prepend,
        "$preInsert": _pre_insert,
        "$postInsert": _post_insert,
        "$remove": _remove,
    },
)


_OPERATIONS = frozenset({_CLEAR, *_OPERATORS})


def _items(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _absent(value: Any, current: list[Any]) -> list[Any]:
    fresh: list[Any] = []
    for item in _items(value):
        if item not in current and item not in fresh:
            fresh.append(item)
    return fresh


def _grown(items: list[Any]) -> list[Any]:
    return items[: limits.MAX_GROWN_ITEMS]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
