"""Counts by event type and currency what events say of money."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.purchase import is_sandbox, purchase_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable

    from target_amplitude_nami.local.model import JsonObject

MICRO = 1_000_000
"""Amounts are kept as whole numbers, in millionths."""
_LARGEST = 2**62


class MoneyKey(NamedTuple):
    """What money is summed up by."""

    type: int
    currency: str
    """Empty: the event names none."""
    is_revenue: bool
    """Whether Amplitude counts it; otherwise an event property says it."""
    is_sandbox: bool
    is_refund: bool


class MoneyCounts:
    """Writes the table `money_counts`, of which it has a copy in memory.

    Args:
        connection: The file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._sums: dict[MoneyKey, list[int]] = {}
        self._changed: set[MoneyKey] = set()

    def load(self) -> None:
        """Read the table anew."""
        self._changed.clear()
        self._sums = {
            MoneyKey(number, currency, bool(counted), bool(sandbox), bool(refund)): [
                events,
                micros,
            ]
            for number, currency, counted, sandbox, refund, events, micros in (
                self._connection.execute("SELECT * FROM money_counts")
            )
        }

    def add(
        self, event_type: int, events: Iterable[JsonObject], *, may_be_paid: bool
    ) -> None:
        """Count those of some events of one type that say anything of money.

        Args:
            event_type: The number of the type.
            events: The events as they were sent.
            may_be_paid: Whether their event properties may name an amount paid.
        """
        for event in events:
            if may_be_paid or "revenue" in event or "price" in event:
                self._add(event_type, event, may_be_paid=may_be_paid)

    def _add(self, event_type: int, event: JsonObject, *, may_be_paid: bool) -> None:
        properties = event.get("event_properties") or {}
        amount, currency = _revenue(event), event.get("currency")
        is_revenue = amount is not None
        if amount is None and may_be_paid:
            try:
                purchase = purchase_of(properties)
            except UnreadableRecord:
                return
            if purchase is not None:
                amount, currency = purchase.amount, purchase.currency
        if not amount:
            return
        key = MoneyKey(
            event_type,
            currency if isinstance(currency, str) else "",
            is_revenue,
            is_sandbox(properties),
            amount < 0,
        )
        counted = self._sums.setdefault(key, [0, 0])
        counted[0] += 1
        counted[1] = _kept(counted[1] + int(amount * MICRO))
        self._changed.add(key)

    def write(self) -> None:
        """Write what has changed since."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO money_counts VALUES (?,?,?,?,?,?,?)",
            [(*key, *self._sums[key]) for key in self._changed],
        )
        self._changed.clear()

    def forget(self, types: Collection[int]) -> None:
        """Delete the counts of event types, which are to be counted anew."""
        for event_type in types:
            self._connection.execute(
                "DELETE FROM money_counts WHERE type = ?", (event_type,)
            )
        self.load()


def _revenue(event: JsonObject) -> Decimal | None:
    """Return the amount that Amplitude counts; price times quantity wins."""
    amount, price = event.get("revenue"), event.get("price")
    if price is not None:
        quantity = event.get("quantity")
        return Decimal(repr(price)) * (1 if quantity is None else quantity)
    return None if amount is None else Decimal(repr(amount))


def _kept(micros: int) -> int:
    """Return a sum that SQLite can keep."""
    return max(-_LARGEST, min(micros, _LARGEST))
