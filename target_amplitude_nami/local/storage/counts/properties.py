"""Counts by event type which properties events carry, and of which kinds."""

from __future__ import annotations

from collections import defaultdict
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from target_amplitude_nami.local.storage.counts.kinds import Scope, ValueKind, kind_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

    from target_amplitude_nami.local.model import JsonObject

OTHERS = "…"
"""Stands for all properties of a scope beyond the number that is counted apart."""
_MOST_PROPERTIES = 20_000
_APART = frozenset({"event_type", "time", "event_properties", "user_properties"})
_KINDS = len(ValueKind)
_NOTHING = ValueKind.NOTHING
_UNKNOWN = object()
"""Stands for a value of which the file only has the digest."""

_encode = msgspec.json.Encoder(order="deterministic").encode

_Key: TypeAlias = tuple[int, int, str]


class _Tally:
    """The counts of one property of one event type."""

    __slots__ = ("counts", "digest", "example", "is_new", "key", "value")

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.counts = [0] * _KINDS
        self.example: int | None = None
        self.digest: bytes | None = b""
        """Of the value that all events have had so far; None: they differ."""
        self.value: Any = _UNKNOWN
        self.is_new = True

    def row(self) -> tuple[object, ...]:
        return (*self.key, self.example, self.digest, *self.counts)

    def compare(self, value: object) -> None:
        """Take in a value that is not the known one, unless values differ already."""
        if self.digest is None:
            return
        digest = blake2b(_encode(value), digest_size=8).digest()
        if self.digest in {b"", digest}:
            self.value, self.digest = value, digest
        else:
            self.value = self.digest = None


class PropertyCounts:
    """Writes the table `property_counts`, of which it has a copy in memory.

    No value is kept: of an example the number of its event, and of a value that all
    events share a digest.

    Args:
        connection: The file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._tallies: dict[tuple[int, int], dict[str, _Tally]] = defaultdict(dict)
        self._count = 0
        self._changed: list[_Tally] = []

    def load(self) -> None:
        """Read the table anew."""
        self._tallies.clear()
        self._changed.clear()
        self._count = 0
        for (
            event_type,
            scope,
            name,
            example,
            digest,
            *counts,
        ) in self._connection.execute("SELECT * FROM property_counts"):
            tally = _Tally((event_type, scope, name))
            tally.counts, tally.example, tally.digest = counts, example, digest
            tally.is_new = False
            self._tallies[event_type, scope][name] = tally
            self._count += 1

    def add(self, event_type: int, number: int, event: JsonObject) -> None:
        """Count an event.

        Args:
            event_type: The number of its type.
            number: Its number.
            event: The event as it was sent.
        """
        tallies = self._tallies
        table = tallies[event_type, Scope.FIELD]
        for name in event:
            if name not in _APART:
                self._add(table, (event_type, Scope.FIELD), name, event[name], number)
        sent = event.get("event_properties")
        if sent:
            key = (event_type, Scope.EVENT)
            table = tallies[key]
            for name, value in sent.items():
                self._add(table, key, name, value, number)
        sent = event.get("user_properties")
        if sent:
            key = (event_type, Scope.USER)
            table = tallies[key]
            for name, value in set_by(sent).items():
                self._add(table, key, name, value, number)

    def _add(
        self,
        table: dict[str, _Tally],
        key: tuple[int, int],
        name: str,
        value: object,
        number: int,
    ) -> None:
        tally = table.get(name) or self._new(table, key, name)
        kind = kind_of(value)
        if not tally.is_new:
            tally.is_new = True
            self._changed.append(tally)
        tally.counts[kind] += 1
        if kind is not _NOTHING:
            tally.example = number
        if tally.digest is not None and value != tally.value:
            tally.compare(value)

    def _new(self, table: dict[str, _Tally], key: tuple[int, int], name: str) -> _Tally:
        if self._count >= _MOST_PROPERTIES:
            name = OTHERS
            if name in table:
                return table[name]
        tally = table[name] = _Tally((*key, name))
        self._changed.append(tally)
        self._count += 1
        return tally

    def write(self) -> None:
        """Write what has changed since."""
        columns = ",".join("?" * (5 + _KINDS))
        self._connection.executemany(
            f"INSERT OR REPLACE INTO property_counts VALUES ({columns})",  # noqa: S608
            [tally.row() for tally in self._changed],
        )
        for tally in self._changed:
            tally.is_new = False
        self._changed.clear()

    def forget(self, types: Collection[int]) -> None:
        """Delete the counts of event types, which are to be counted anew."""
        for event_type in types:
            self._connection.execute(
                "DELETE FROM property_counts WHERE type = ?", (event_type,)
            )
        self.load()


def set_by(sent: JsonObject) -> Mapping[str, Any]:
    """Return the user properties that an event sets, also by `$set` and its kind."""
    if not any(name.startswith("$") for name in sent):
        return sent
    found: JsonObject = {}
    for operator, values in sent.items():
        if operator.startswith("$set") and isinstance(values, dict):
            found |= values
    return found
