"""Sums up users on the way to a subscription: funnel, payers, conversions, status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from target_amplitude_nami.local.queries.selection import FIRST_MOMENT
from target_amplitude_nami.local.queries.subscriptions.answer import (
    Breakdown,
    Conversion,
    Line,
    Payers,
    Step,
)
from target_amplitude_nami.local.queries.subscriptions.weeks import DAY, days_of
from target_amplitude_nami.local.storage.subscriptions import journey
from target_amplitude_nami.local.storage.subscriptions.facts import (
    DIMENSIONS,
    STATUSES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_amplitude_nami.local.queries.selection import Selection
    from target_amplitude_nami.local.queries.subscriptions.weeks import Weeks
    from target_amplitude_nami.local.storage.subscriptions.user_counts import UserSums

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


def funnel(counted: UserSums, selection: Selection) -> tuple[list[Step], list[Payers]]:
    """Return the steps towards a subscription, and the ways of those who pay.

    Args:
        counted: The counts of the file.
        selection: The range in which users saw their first paywall, or without one
            took their first step; what they did later counts, whenever it was.
    """
    sums = counted.of(journey.FUNNEL, *days_of(selection), by="parts")
    users = {parts: count for (_, parts), count in sums.items()}
    saw = {parts: count for parts, count in users.items() if parts & journey.SAW}
    steps = [Step(key, of, _sum(saw, has, no)) for key, of, has, no in _STEPS]
    paying = sum(count for parts, count in saw.items() if parts & journey.PAYING)
    steps.append(Step("paying", "saw", paying))
    return steps, [
        Payers(key, _sum(users, has, no), _without_paywall(users, has, no))
        for key, has, no in _WAYS
    ]


def breakdowns(counted: UserSums, selection: Selection) -> list[Breakdown]:
    """Return conversions by each dimension.

    Args:
        counted: The counts of the file.
        selection: The range in which users first met with a value.
    """
    return [
        Breakdown(dimension, _conversions(counted, selection, dimension))
        for dimension in DIMENSIONS
    ]


def _conversions(
    counted: UserSums, selection: Selection, dimension: str
) -> list[Conversion]:
    by_value: dict[str, dict[int, int]] = {}
    sums = counted.of(dimension, *days_of(selection), by="parts")
    for (value, parts), users in sums.items():
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


def statuses(counted: UserSums, weeks: Weeks) -> list[Line]:
    """Return how many users have each status at the end of each week."""
    counts = {status: [0] * len(weeks.starts) for status in STATUSES[1:]}
    if weeks.starts:
        since = FIRST_MOMENT // DAY
        sums = counted.of(journey.STATUS, since, weeks.end_day, by="day")
        for (status, day), users in sums.items():
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
