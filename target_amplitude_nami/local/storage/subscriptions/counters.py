"""Keeps count, day by day, of users and money on the way to a subscription.

What each user counts as follows from their journey alone. So the counters are the sum
over all users at any time, whatever comes late, is joined or is erased.
"""

from __future__ import annotations

from collections import Counter
from copy import copy
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Final

from target_amplitude_nami.local.run_note import read_note
from target_amplitude_nami.local.storage.counts.counters import AT_ONCE
from target_amplitude_nami.local.storage.subscriptions.facts import facts_of
from target_amplitude_nami.local.storage.subscriptions.journey import (
    Counts,
    Journey,
)
from target_amplitude_nami.local.storage.subscriptions.journeys import (
    Journeys,
    unpacked,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from target_amplitude_nami.local.storage.counts.counters import CountedEvent
    from target_amplitude_nami.local.storage.subscriptions.facts import Facts, Money

_DAY: Final = 86_400_000


class SubscriptionCounters:
    """Counts events as they are stored.

    Args:
        connection: The file.
        most_waiting: How many changed journeys wait for their table.
        cached: How many journeys to cache.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, most_waiting: int, cached: int
    ) -> None:
        self._connection = connection
        self._journeys = Journeys(connection, most_waiting=most_waiting, cached=cached)
        self._renamed: dict[str, str] = {}

    def load(self) -> None:
        """Read what another process or an earlier run wrote."""
        note = read_note(self._connection)
        self._renamed = {} if note is None else note.renamed
        self._journeys.load()

    def recount(self, events: Iterable[CountedEvent]) -> None:
        """Count all events of the file anew, after types were renamed."""
        for table in (
            "journeys",
            "changed_journeys",
            "subscription_users",
            "subscription_money",
        ):
            self._connection.execute(f"DELETE FROM {table}")  # noqa: S608
        self.load()
        rest = iter(events)
        while some := list(islice(rest, AT_ONCE)):
            self.add(some)

    def add(self, events: Iterable[CountedEvent]) -> None:
        """Count new events."""
        facts_by_user: dict[int, list[tuple[int, Facts]]] = {}
        money: list[tuple[int, Money]] = []
        for event in events:
            facts = facts_of(event, self._renamed)
            if facts is None:
                continue
            facts_by_user.setdefault(event.user, []).append((event.time, facts))
            if facts.money is not None:
                money.append((event.time, facts.money))
        self._follow(facts_by_user)
        self._add_money(money, 1)

    def _follow(self, facts_by_user: Mapping[int, list[tuple[int, Facts]]]) -> None:
        """Add to the journeys of users, and count what that changes."""
        counts: Counts = {}
        changed: dict[int, Journey] = {}
        packed = self._journeys.packed(facts_by_user)
        for user, events in facts_by_user.items():
            row = packed.get(user)
            journey = Journey() if row is None else unpacked(row)
            old = None if row is None else copy(journey)
            changes = 0
            for time, facts in events:
                changes |= journey.take(time, facts)
            if changes:
                journey.count_change(counts, old, changes)
                changed[user] = journey
        self._journeys.put(changed)
        self._add_users(counts)

    def join(self, old: int, new: int) -> None:
        """Count what one user did as another's."""
        journeys = self._journeys.get([old, new])
        if old not in journeys:
            return
        counts: Counts = {}
        for journey in journeys.values():
            journey.count(counts, -1)
        joined = journeys.get(new, Journey())
        joined.join(journeys[old])
        joined.count(counts, 1)
        self._journeys.delete([old])
        self._journeys.put({new: joined})
        self._add_users(counts)

    def remove(self, users: Sequence[int], events: Iterable[CountedEvent]) -> None:
        """Take users and all their events out of the counts, without a trace."""
        counts: Counts = {}
        for journey in self._journeys.get(users).values():
            journey.count(counts, -1)
        self._journeys.delete(users)
        self._add_users(counts)
        all_facts = ((event.time, facts_of(event, self._renamed)) for event in events)
        self._add_money(
            [(time, facts.money) for time, facts in all_facts if facts and facts.money],
            -1,
        )
        self._connection.execute("DELETE FROM subscription_users WHERE users = 0")
        self._connection.execute(
            "DELETE FROM subscription_money WHERE transactions = 0"
        )

    def _add_users(self, counts: Counts) -> None:
        self._connection.executemany(
            "INSERT INTO subscription_users VALUES (?, ?, ?, ?, ?) ON CONFLICT"
            " DO UPDATE SET users = users + excluded.users",
            sorted([(*key, users) for key, users in counts.items() if users]),
        )

    def _add_money(self, money: Iterable[tuple[int, Money]], factor: int) -> None:
        transactions: Counter[tuple[int, str, int, int]] = Counter()
        sums: dict[tuple[int, str, int, int], Decimal] = {}
        for time, (amount, currency, sandbox) in money:
            sign = 0 if amount is None else (amount > 0) - (amount < 0)
            key = time // _DAY, currency, int(sandbox), sign
            transactions[key] += factor
            sums[key] = sums.get(key, Decimal(0)) + factor * (amount or 0)
        known = {
            key: Decimal(amount)
            for key in sums
            for (amount,) in self._connection.execute(
                "SELECT amount FROM subscription_money"
                " WHERE (day, currency, sandbox, sign) = (?, ?, ?, ?)",
                key,
            )
        }
        self._connection.executemany(
            "INSERT INTO subscription_money VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT"
            " DO UPDATE SET transactions = transactions + excluded.transactions,"
            " amount = excluded.amount",
            [
                (*key, transactions[key], f"{known.get(key, Decimal(0)) + amount:f}")
                for key, amount in sums.items()
            ],
        )
