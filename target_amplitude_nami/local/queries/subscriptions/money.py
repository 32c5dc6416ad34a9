"""Sums up what transactions amount to, by week and currency."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from target_amplitude_nami.local.queries.subscriptions.answer import Money
from target_amplitude_nami.local.queries.subscriptions.weeks import DAY, days_of

if TYPE_CHECKING:
    import sqlite3

    from target_amplitude_nami.local.queries.selection import Selection
    from target_amplitude_nami.local.queries.subscriptions.weeks import Weeks

_Key: TypeAlias = tuple[bool, str, int | None]
"""Whether it is of the sandbox, the currency, and the week."""


class _Sums:
    """Transactions of each sign, and their amounts."""

    def __init__(self) -> None:
        self.transactions = {1: 0, 0: 0, -1: 0}
        self.amount = {1: Decimal(0), 0: Decimal(0), -1: Decimal(0)}

    def row(self, key: _Key) -> Money:
        sandbox, currency, week = key
        return Money(
            currency=currency,
            sandbox=sandbox,
            week=week,
            payments=self.transactions[1],
            paid=f"{self.amount[1]:f}",
            refunds=self.transactions[-1],
            refunded=f"{self.amount[-1]:f}",
            unpriced=self.transactions[0],
        )


def money(
    connection: sqlite3.Connection, selection: Selection, weeks: Weeks
) -> tuple[list[Money], list[Money]]:
    """Return the sums by currency and week, and those by currency alone.

    Sums of different currencies, and those of the sandbox, are never added up.
    """
    if not weeks.starts:
        return [], []
    by_week: dict[_Key, _Sums] = {}
    totals: dict[_Key, _Sums] = {}
    for day, currency, sandbox, sign, transactions, amount in connection.execute(
        "SELECT * FROM subscription_money WHERE day >= ? AND day < ?",
        days_of(selection),
    ):
        week = weeks.starts[weeks.place_of(day)] * DAY
        for sums, key in (
            (by_week, (bool(sandbox), currency, week)),
            (totals, (bool(sandbox), currency, None)),
        ):
            of_key = sums.setdefault(key, _Sums())
            of_key.transactions[sign] += transactions
            of_key.amount[sign] += Decimal(amount)
    return _rows(by_week), _rows(totals)


def _rows(sums: dict[_Key, _Sums]) -> list[Money]:
    return [sums[key].row(key) for key in sorted(sums, key=_place)]


def _place(key: _Key) -> tuple[bool, str, int]:
    sandbox, currency, week = key
    return sandbox, currency, week or 0
