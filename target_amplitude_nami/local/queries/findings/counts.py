"""Reads what was counted of each event type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.ingest.effects import Kind
from target_amplitude_nami.local.storage.counts.kinds import Scope, ValueKind
from target_amplitude_nami.nami.catalogue import NAMES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from target_amplitude_nami.local.run_note import RunNote

_TOTAL = "event_type"
"""The field that every event has."""
_WORDS = {
    ValueKind.FALSE: "boolean",
    ValueKind.TRUE: "boolean",
    ValueKind.NUMBER: "number",
    ValueKind.EMPTY_TEXT: "text",
    ValueKind.TEXT: "text",
    ValueKind.EMPTY_LIST: "list",
    ValueKind.LIST: "list",
    ValueKind.OBJECT: "object",
}


class PropertyCount(msgspec.Struct):
    """How many events of a type carry a property, and with what values."""

    scope: Scope
    name: str
    kinds: list[int]
    """How many values are of each `ValueKind`."""
    example: int | None
    """The number of an event that carries it."""
    digest: bytes | None
    """Of the one value that all of them have; None if they differ."""

    @property
    def present(self) -> int:
        """How many events have a value."""
        return sum(self.kinds) - self.kinds[ValueKind.NOTHING]

    @property
    def types(self) -> dict[str, int]:
        """How many values are of each type, the most frequent first."""
        found: dict[str, int] = {}
        for kind, word in _WORDS.items():
            if self.kinds[kind]:
                found[word] = found.get(word, 0) + self.kinds[kind]
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    @property
    def is_constant(self) -> bool:
        """Whether all events that carry it have the same value."""
        return self.digest is not None and sum(map(bool, self.kinds)) == 1

    def merge(self, other: PropertyCount) -> None:
        """Add what another project counted of the same property."""
        self.kinds = [a + b for a, b in zip(self.kinds, other.kinds, strict=True)]
        self.example = self.example or other.example
        if self.digest != other.digest:
            self.digest = None


class TypeCount(msgspec.Struct):
    """What was counted of an event type, in all projects."""

    name: str
    nami: str | None
    """The type of Nami's that it is; None for others."""
    kind: Kind
    events: int = 0
    properties: dict[tuple[Scope, str], PropertyCount] = {}

    def carrying(self, scope: Scope, name: str) -> int:
        """Return how many events have a value for a property."""
        found = self.properties.get((scope, name))
        return found.present if found else 0

    @property
    def is_about_user(self) -> bool:
        """Whether it carries a user's state (Nami docs, "Amplitude")."""
        return self.nami is not None and self.nami.startswith("user.")


class Naming:
    """Which type of Nami's an event type is.

    Without a run's note the end of a name decides: it may have a prefix.
    """

    def __init__(self, note: RunNote | None) -> None:
        self._known: dict[str, str] | None = None
        if note is not None:
            names = {name: note.event_names.get(name, name) for name in NAMES}
            self._known = {f"{note.event_prefix}{n}": name for name, n in names.items()}
            self._known |= {name: name for name in NAMES}

    def nami_type_of(self, name: str) -> str | None:
        """Return the type of Nami's that is sent under a name; None for others."""
        if self._known is not None:
            return self._known.get(name)
        return next((known for known in NAMES if name.endswith(known)), None)


def read_counts(connection: sqlite3.Connection, naming: Naming) -> list[TypeCount]:
    """Return what was counted of each event type that has events, by name."""
    types: dict[str, TypeCount] = {}
    by_number: dict[int, TypeCount] = {}
    for number, name, kind in connection.execute(
        "SELECT number, name, kind FROM types ORDER BY name, number"
    ):
        known = types.setdefault(
            name, TypeCount(name, naming.nami_type_of(name), Kind(kind))
        )
        by_number[number] = known
    for number, scope, name, example, digest, *kinds in connection.execute(
        "SELECT * FROM property_counts ORDER BY type, scope, name"
    ):
        counted = by_number[number]
        count = PropertyCount(Scope(scope), name, kinds, example, digest)
        if count.scope is Scope.FIELD and name == _TOTAL:
            counted.events += sum(kinds)
            continue
        found = counted.properties.setdefault((count.scope, name), count)
        if found is not count:
            found.merge(count)
    return [each for each in types.values() if each.events]


def total(types: Iterable[TypeCount]) -> int:
    """Return how many events there are of some types."""
    return sum(each.events for each in types)
