"""Counts events as they are stored, or those of a file that was not counted yet."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from target_amplitude_nami.local.ingest.clipping import clipped, may_be_long
from target_amplitude_nami.local.ingest.effects import Kind
from target_amplitude_nami.local.jsontext import decode
from target_amplitude_nami.local.storage.counts.money import MoneyCounts
from target_amplitude_nami.local.storage.counts.order import (
    SKIP,
    StateEvent,
    StateOrder,
)
from target_amplitude_nami.local.storage.counts.properties import PropertyCounts
from target_amplitude_nami.nami.catalogue import NAMES

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator

    from target_amplitude_nami.local.model import JsonObject

_TRANSACTION = "device.transaction"
_AT_ONCE = 2_000


class CountedEvent(NamedTuple):
    """What is counted of an event."""

    number: int
    type: int
    """The number of its type."""
    name: str
    kind: Kind
    user: int
    time: int
    sent: JsonObject


class Counters:
    """Keeps the counts of properties and of money, and the order of states.

    Args:
        connection: The file.
        most_waiting: How many rows may wait for their table.
        cached: How many users to cache.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, most_waiting: int, cached: int
    ) -> None:
        self._properties = PropertyCounts(connection)
        self._money = MoneyCounts(connection)
        self.order = StateOrder(connection, most_waiting=most_waiting, cached=cached)

    def load(self) -> None:
        """Read anew what another process or an earlier run wrote."""
        self._properties.load()
        self._money.load()
        self.order.load()

    def add(self, events: Iterable[CountedEvent]) -> None:
        """Count events, in the order of arrival."""
        states: list[StateEvent] = []
        for number, event_type, name, kind, user, time, sent in events:
            self._count(number, event_type, name, kind, sent)
            if sent.get("user_properties"):
                states.append(StateEvent(number, user, time, sent.get(SKIP) is True))
        self._write()
        self.order.add(states)

    def recount(self, events: Iterable[CountedEvent], types: Collection[int]) -> None:
        """Count the events of some types anew, but for their order."""
        self._properties.forget(types)
        self._money.forget(types)
        for number, event_type, name, kind, _, _, sent in events:
            self._count(number, event_type, name, kind, sent)
        self._write()

    def _count(
        self, number: int, event_type: int, name: str, kind: Kind, sent: JsonObject
    ) -> None:
        self._properties.add(event_type, number, sent)
        if kind is Kind.EVENT:
            is_transaction = _may_be_transaction(name)
            self._money.add(event_type, sent, is_transaction=is_transaction)

    def _write(self) -> None:
        self._properties.write()
        self._money.write()


def stored_events(
    connection: sqlite3.Connection, types: Collection[int] | None = None
) -> Iterator[CountedEvent]:
    """Yield the events of a file, of all types or of some, in the order of arrival."""
    chosen = ""
    if types is not None:
        chosen = f" WHERE type IN ({','.join(map(str, types))})"
    rows = connection.execute(
        "SELECT events.number, type, name, kind, user, events.time, raw"  # noqa: S608
        f" FROM events JOIN types ON types.number = type{chosen} ORDER BY events.number"
    )
    while some := rows.fetchmany(_AT_ONCE):
        for number, event_type, name, kind, user, time, raw in some:
            sent = decode(raw)
            if may_be_long(raw):
                sent = clipped(sent)
            yield CountedEvent(number, event_type, name, Kind(kind), user, time, sent)


@lru_cache(maxsize=4096)
def _may_be_transaction(name: str) -> bool:
    """Return whether events of a type may name an amount paid.

    The type may have a prefix, or another name altogether.
    """
    known = [each for each in NAMES if name.endswith(each)]
    return not known or _TRANSACTION in known
