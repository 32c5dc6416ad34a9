"""Sums up users on the way to a subscription: funnel, payers, conversions, status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from target_amplitude_nami.local.queries.subscriptions.answer import (
    Breakdown,
    Conversion,
    Line,
    Payers,
    Step,
)
from target_amplitude_nami.local.queries.subscriptions.weeks import days_of
from target_amplitude_nami.local.storage.subscriptions import journey
from target_amplitude_nami.local.storage.subscriptions.facts import (
    DIMENSIONS,
    STATUSES,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from target_amplitude_nami.local.queries.selection import Selection
    from target_amplitude_nami.local.queries.subscriptions.weeks import Weeks

_Users: TypeAlias = "Mapping[int, int]"
"""How many users have done what, by the parts that they have done."""

# Steps, what they are a part of, and the parts of those who took them: all of the
# first, none of the second.
_STEPS: Final = (
    ("saw", None, 0, 0),
    ("transaction", "saw", journey.TRANSACTION, 0),
    ("trial", "saw", journey.TRIAL, 0),
    ("converted", "trial", journey.CONVERTED, 0),
    ("bought_after_trial", "trial", journey.BOUGHT_AFTER_TRIAL, 0),
    ("bought_before_trial", "trial", journey.BOUGHT | journey.TRIAL, 0),
    ("lapsed", "trial", journey.LAPSED | journey.TRIAL, journey.PAYING),
    ("in_trial", "trial", journey.TRIAL, journey.PAYING | journey.LAPSED),
    ("bought", "saw", journey.BOUGHT, journey.TRIAL),
)
_WAYS: Final = (
    ("converted", journey.CONVERTED, 0),
    ("bought_after_trial", journey.BOUGHT_AFTER_TRIAL, 0),
    ("bought_before_trial", journey.BOUGHT | journey.TRIAL, 0),
    ("bought", journey.BOUGHT, journey.TRIAL),
    ("paid_before", journey.PAID_BEFORE, 0),
)


def funnel(
    connection: sqlite3.Connection, selection: Selection
) -> tuple[list[Step], list[Payers]]:
    """Return the steps towards a subscription, and the ways of those who pay.

    Args:
        connection: The file.
        selection: The range in which users saw their first paywall, or without one
            took their first step; what they did later counts, whenever it was.
    """
    users = dict(
        connection.execute(
            "SELECT parts, sum(users) FROM subscription_users"
            " WHERE kind = ? AND day >= ? AND day < ? GROUP BY parts",
            (journey.FUNNEL, *days_of(selection)),
        ).fetchall()
    )
    saw = {parts: count for parts, count in users.items() if parts & journey.SAW}
    steps = [Step(key, of, _sum(saw, has, no)) for key, of, has, no in _STEPS]
    paying = sum(count for parts, count in saw.items() if parts & journey.PAYING)
    steps.append(Step("paying", "saw", paying))
    return steps, [
        Payers(key, _sum(users, has, no), _without_paywall(users, has, no))
        for key, has, no in _WAYS
    ]


def breakdowns(connection: sqlite3.Connection, selection: Selection) -> list[Breakdown]:
    """Return conversions by each dimension.

    Args:
        connection: The file.
        selection: The range in which users first met with a value.
    """
    return [
        Breakdown(dimension, _conversions(connection, selection, dimension))
        for dimension in DIMENSIONS
    ]


def _conversions(
    connection: sqlite3.Connection, selection: Selection, dimension: str
) -> list[Conversion]:
    by_value: dict[str, dict[int, int]] = {}
    for value, parts, users in connection.execute(
        "SELECT value, parts, sum(users) FROM subscription_users"
        " WHERE kind = ? AND day >= ? AND day < ? GROUP BY value, parts",
        (dimension, *days_of(selection)),
    ):
        by_value.setdefault(value, {})[parts] = users
    rows = [
        Conversion(
            value,
            sum(users.values()),
            _sum(users, journey.TRANSACTION, 0),
            _sum(users, journey.TRIAL, 0),
            sum(count for parts, count in users.items() if parts & journey.PAYING),
        )
        for value, users in by_value.items()
    ]
    rows = [row for row in rows if row.users]
    return sorted(rows, key=_place)


def _place(row: Conversion) -> tuple[float, int, str]:
    """Return what sorts the best conversion first, and of equals that of most users."""
    return -row.paying / row.users, -row.users, row.value


def statuses(connection: sqlite3.Connection, weeks: Weeks) -> list[Line]:
    """Return how many users have each status at the end of each week."""
    counts = {status: [0] * len(weeks.starts) for status in STATUSES[1:]}
    if weeks.starts:
        for status, day, users in connection.execute(
            "SELECT value, day, sum(users) FROM subscription_users"
            " WHERE kind = ? AND day < ? GROUP BY value, day",
            (journey.STATUS, weeks.end_day),
        ):
            counts[status][max(0, weeks.place_of(day))] += users
    return [Line(status, _running(each)) for status, each in counts.items()]


def _running(changes: Iterable[int]) -> list[int]:
    total = 0
    return [total := total + change for change in changes]


def _sum(users: _Users, has: int, has_not: int) -> int:
    return sum(
        count
        for parts, count in users.items()
        if parts & has == has and not parts & has_not
    )


def _without_paywall(users: _Users, has: int, has_not: int) -> int:
    if has == journey.PAID_BEFORE:
        return _sum(users, has, has_not)
    return _sum(users, has, has_not | journey.SAW)
