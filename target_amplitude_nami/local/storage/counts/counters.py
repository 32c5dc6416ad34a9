"""Counts events as they are stored, or those of a file that was not counted yet."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
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
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from target_amplitude_nami.local.model import JsonObject

_TRANSACTION = "device.transaction"
AT_ONCE = 2_000


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

    def add(self, events: Sequence[CountedEvent]) -> None:
        """Count events, in the order of arrival."""
        self._count(events)
        self._write()
        self.order.add(
            StateEvent(number, user, time, sent.get(SKIP) is True)
            for number, _, _, _, user, time, sent in events
            if sent.get("user_properties")
        )

    def recount(self, events: Iterable[CountedEvent], types: Collection[int]) -> None:
        """Count the events of some types anew, but for their order."""
        self._properties.forget(types)
        self._money.forget(types)
        rest = iter(events)
        while some := list(islice(rest, AT_ONCE)):
            self._count(some)
        self._write()

    def _count(self, events: Iterable[CountedEvent]) -> None:
        by_type: dict[int, list[CountedEvent]] = {}
        for event in events:
            by_type.setdefault(event.type, []).append(event)
        for event_type, alike in by_type.items():
            sent = [event.sent for event in alike]
            self._properties.add(event_type, [event.number for event in alike], sent)
            if alike[0].kind is Kind.EVENT:
                may_be_paid = _may_be_transaction(alike[0].name)
                self._money.add(event_type, sent, may_be_paid=may_be_paid)

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
    while some := rows.fetchmany(AT_ONCE):
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
