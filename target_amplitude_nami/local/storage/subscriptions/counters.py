"""Keeps count, day by day, of users and money on the way to a subscription.

What each user counts as follows from their journey alone. So the counters are the sum
over all users at any time, whatever comes late, is joined or is erased.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from target_amplitude_nami.local.storage.subscriptions.facts import facts_of
from target_amplitude_nami.local.storage.subscriptions.journey import (
    EVERYTHING,
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

    from target_amplitude_nami.local.storage.subscriptions.facts import Facts, Money

TABLES: Final = """
-- What is known of a user, in MessagePack.
CREATE TABLE journeys (
    user INTEGER PRIMARY KEY,
    packed BLOB NOT NULL
);
-- Changes of these; the newest row of a user counts.
CREATE TABLE changed_journeys (
    number INTEGER PRIMARY KEY,
    user INTEGER NOT NULL,
    packed BLOB NOT NULL
);
-- How many users count as what from a day on (days since 1970).
CREATE TABLE subscription_users (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    day INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    users INTEGER NOT NULL,
    PRIMARY KEY (kind, value, day, parts)
) WITHOUT ROWID;
-- The sums of a day's transactions, digit for digit.
CREATE TABLE subscription_money (
    day INTEGER NOT NULL,
    currency TEXT NOT NULL,
    sandbox INTEGER NOT NULL,
    sign INTEGER NOT NULL, -- 1 for payments, -1 for refunds, 0 without an amount.
    transactions INTEGER NOT NULL,
    amount TEXT NOT NULL,
    PRIMARY KEY (day, currency, sandbox, sign)
) WITHOUT ROWID;
"""

_DAY: Final = 86_400_000
_AT_ONCE: Final = 5_000


class Happening(NamedTuple):
    """An event of a user, as it was sent."""

    user: int
    time: int
    event_type: str
    raw: bytes


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

    def load(self) -> None:
        """Read what another process or an earlier run wrote."""
        self._journeys.load()

    def add(self, events: Iterable[Happening]) -> None:
        """Count new events."""
        told: dict[int, list[tuple[int, Facts]]] = {}
        money: list[tuple[int, Money]] = []
        for user, time, event_type, raw in events:
            facts = facts_of(event_type, raw)
            if facts is None:
                continue
            told.setdefault(user, []).append((time, facts))
            if facts.money is not None:
                money.append((time, facts.money))
        self._follow(told)
        self._add_money(money, 1)

    def _follow(self, told: Mapping[int, list[tuple[int, Facts]]]) -> None:
        """Add to the journeys of users, and count what that changes."""
        counts: Counts = {}
        changed: dict[int, Journey] = {}
        packed = self._journeys.packed(told)
        for user, events in told.items():
            row = packed.get(user)
            journey = Journey() if row is None else unpacked(row)
            changes = 0
            for time, facts in events:
                changes |= journey.take(time, facts)
            if changes:
                if row is not None:
                    unpacked(row).count(counts, -1, changes)
                journey.count(counts, 1, changes)
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
            journey.count(counts, -1, EVERYTHING)
        joined = journeys.get(new, Journey())
        joined.join(journeys[old])
        joined.count(counts, 1, EVERYTHING)
        self._journeys.delete([old])
        self._journeys.put({new: joined})
        self._add_users(counts)

    def remove(self, users: Sequence[int], events: Iterable[Happening]) -> None:
        """Take users and all their events out of the counts, without a trace."""
        counts: Counts = {}
        for journey in self._journeys.get(users).values():
            journey.count(counts, -1, EVERYTHING)
        self._journeys.delete(users)
        self._add_users(counts)
        all_facts = (
            (event.time, facts_of(event.event_type, event.raw)) for event in events
        )
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


def count_stored(connection: sqlite3.Connection) -> None:
    """Make the tables in a file that has events already, and count these.

    Args:
        connection: The file, in a transaction.
    """
    for statement in TABLES.split(";\n"):
        connection.execute(statement)
    counters = SubscriptionCounters(connection, most_waiting=50_000, cached=0)
    rows = connection.execute(
        "SELECT user, time, name, raw FROM events JOIN types ON types.number = type"
        " WHERE kind < 2 ORDER BY events.number"
    )
    while some := rows.fetchmany(_AT_ONCE):
        counters.add(Happening(*row) for row in some)
