"""Arranges a record's columns as Nami's fields, flattened ones nested again."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.nami import values
from target_amplitude_nami.nami.container_keys import CONTAINERS
from target_amplitude_nami.nami.fields import FIELDS, is_misfit, split
from target_amplitude_nami.nami.plain_values import plain_value

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_COLUMNS: t.Final = 10_000
"""Names remembered at a time: records may have names that never come again."""

_Path: t.TypeAlias = tuple[str, ...]
"""The objects, from the outermost in, that a column's value lies in."""


class Columns:
    """The names of one stream's columns, each understood once."""

    def __init__(
        self, separator: str = "__", bodies: frozenset[str] = frozenset()
    ) -> None:
        """Start with no column seen.

        Args:
            separator: What stands between the parts of a flattened column's name.
            bodies: Columns to look out for, since they may hold a whole record.
        """
        self._may_be_bodies = bodies
        self.bodies: set[str] = set()
        """Those of the columns to look out for that were met."""
        self.misfits: set[str] = set()
        """The fields met whose names begin with a container's name, and that are not
        among its known parts."""
        self._separator = separator
        self._paths: dict[str, tuple[_Path, str]] = {}

    def head(self, column: str) -> str:
        """Return the field that a column belongs to; empty for metadata."""
        path, name = self._paths.get(column) or self._learn(column)
        return path[0] if path else name

    def fields_of(self, columns: Sequence[str]) -> tuple[str, ...] | None:
        """Return the fields that columns are, in their order; empty for metadata.

        Returns:
            None where one is part of a field, or several are the same field.
        """
        if len(self._paths) + len(columns) > _MOST_COLUMNS:
            self._forget()
        places = [self._paths.get(name) or self._learn(name) for name in columns]
        if any(path for path, _ in places):
            return None
        fields = tuple(name for _, name in places)
        named = [name for name in fields if name]
        return fields if len({*named}) == len(named) else None

    def arrange(self, record: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the record's fields without nulls, flattened ones nested again."""
        fields: dict[str, t.Any] = {}
        parts: list[tuple[_Path, str, t.Any]] = []
        parts_of_parts: list[tuple[_Path, str, t.Any]] = []
        places = self._paths
        for column, value in record.items():
            path, name = places.get(column) or self._learn(column)
            if value is None:
                continue
            if not path:
                if name in fields:
                    is_usual = column == name or (
                        column.lower() == name and name not in record
                    )
                    _merge(fields, name, value, is_usual=is_usual)
                elif name:
                    fields[name] = value
            elif len(path) == 1:
                parts.append((path, name, value))
            else:
                parts_of_parts.append((path, name, value))
        if parts or parts_of_parts:
            # Whole fields first, parts of parts last, whatever the columns' order.
            parts_of_parts.sort(key=_depth)
            self._nest(fields, parts + parts_of_parts)
        return fields

    def _nest(
        self, fields: dict[str, t.Any], parts: list[tuple[_Path, str, t.Any]]
    ) -> None:
        """Put the parts of a flattened field together with those of other columns."""
        opened: dict[_Path, dict[str, t.Any]] = {}
        for path, name, value in parts:
            inner = opened.get(path)
            if inner is None:
                inner = _open(fields, path, opened)
            if inner is None:  # There is no place in what is no object.
                column = self._separator.join((*path, name))
                fields[column] = value
                if is_misfit(column):
                    self.misfits.add(column)
            else:
                inner[name] = value

    def _learn(self, column: str) -> tuple[_Path, str]:
        if len(self._paths) >= _MOST_COLUMNS:
            self._forget()
        *path, name = split(column, self._separator)
        self._paths[column] = place = (tuple(path), name)
        head = path[0] if path else name
        if head in self._may_be_bodies:
            self.bodies.add(head)
        if not path and is_misfit(name):
            self.misfits.add(name)
        return place

    def _forget(self) -> None:
        self._paths.clear()
        self.misfits.clear()
        self.bodies.clear()


def _merge(
    fields: dict[str, t.Any], name: str, value: t.Any, *, is_usual: bool
) -> None:
    """Merge another column of the same field.

    Something wins over nothing and the usual spelling over others (`id` over MongoDB's
    `_id`), whatever their order; for containers, the object or array wins over text.
    """
    known, more = _object(fields[name]), _object(value)
    if name in FIELDS and name not in CONTAINERS:
        if (is_usual and not values.is_blank(value)) or values.is_blank(fields[name]):
            fields[name] = value
    elif known is not None and more is not None:
        fields[name] = known | more
    elif known is None and not isinstance(value, str):
        fields[name] = value


def _object(value: t.Any) -> dict[str, t.Any] | None:
    if isinstance(value, str):
        value = plain_value(value)
    return value if isinstance(value, dict) else None


def _depth(part: tuple[_Path, str, t.Any]) -> int:
    return len(part[0])


def _open(
    fields: dict[str, t.Any], path: _Path, opened: dict[_Path, dict[str, t.Any]]
) -> dict[str, t.Any] | None:
    """Return the object at the end of a path, a copy that may be added to.

    Returns:
        None where something on the path is no object.
    """
    for depth, part in enumerate(path, 1):
        inner = opened.get(path[:depth])
        if inner is None:
            known = {} if fields.get(part) is None else _object(fields[part])
            if known is None:
                return None
            fields[part] = opened[path[:depth]] = inner = dict(known)
        fields = inner
    return fields
