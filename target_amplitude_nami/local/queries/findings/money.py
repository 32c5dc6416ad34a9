"""What events say of money: by currency, refunds and the sandbox apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.storage.counts.money import MICRO

if TYPE_CHECKING:
    import sqlite3


class Money(msgspec.Struct, frozen=True):
    """A sum of one kind in one currency."""

    currency: str
    """Empty: the events name none."""
    is_revenue: bool
    """Whether Amplitude counts it; otherwise only an event property says it."""
    is_sandbox: bool
    is_refund: bool
    events: int
    amount: str
    """The sum in the currency, exact."""


class MoneySummary(msgspec.Struct, frozen=True):
    """What the events say of money."""

    sums: list[Money]
    mixed_sandbox: int
    """Sandbox transactions in a project that also has those of production."""


def money(connection: sqlite3.Connection) -> MoneySummary:
    """Return the sums by currency and kind."""
    sums = [
        Money(
            currency,
            bool(counted),
            bool(sandbox),
            bool(refund),
            events,
            _amount(micros),
        )
        for currency, counted, sandbox, refund, events, micros in connection.execute(
            "SELECT currency, is_revenue, is_sandbox, is_refund, sum(events),"
            " sum(micros) FROM money_counts GROUP BY 1, 2, 3, 4"
            " ORDER BY is_sandbox, is_revenue DESC, currency, is_refund"
        )
    ]
    mixed = sum(
        sandbox
        for sandbox, production in connection.execute(
            "SELECT sum(events * is_sandbox), sum(events * (NOT is_sandbox))"
            " FROM money_counts JOIN types ON types.number = type GROUP BY project"
        )
        if production
    )
    return MoneySummary(sums, mixed)


def _amount(micros: int) -> str:
    """Return millionths as a decimal number with at least two places."""
    whole, rest = divmod(abs(micros), MICRO)
    places = f"{rest:06}".rstrip("0").ljust(2, "0")
    return f"{'-' if micros < 0 else ''}{whole}.{places}"
