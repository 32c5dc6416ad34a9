"""Counts how subscriptions start and end, and the users at each step towards one."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries.charts import Line, Step, Subscriptions
from target_amplitude_nami.local.queries.selection import (
    LAST_MOMENT,
    Selection,
    type_numbers,
)
from target_amplitude_nami.local.queries.time_buckets import (
    NARROW,
    buckets_of,
    counts_in,
)
from target_amplitude_nami.local.storage.event_index import BY_USER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

# The Nami events that each line counts; their types may have a prefix.
_LINES: Mapping[str, tuple[str, ...]] = {
    "trial starts": ("user.journey.trial.started",),
    "conversions": ("user.journey.trial.converted",),
    "purchases": ("user.subscription.purchased",),
    "renewals": (
        "user.subscription.renewed",
        "user.subscription.renewal_in_grace_period",
    ),
    "cancellations": ("user.subscription.cancelled",),
    "expirations": ("user.subscription.expired",),
}
_STEPS: Mapping[str, tuple[str, ...]] = {
    "impression": ("device.impression",),
    "transaction": ("device.transaction",),
    "trial": ("user.journey.trial.started",),
    "converted": ("user.journey.trial.converted",),
}


def subscriptions(
    connection: sqlite3.Connection,
    selection: Selection,
) -> Subscriptions:
    """Return subscription events over time, and the funnel towards a subscription."""
    types = type_numbers(connection, listed=True)
    buckets = buckets_of(connection, selection, types, NARROW)
    lines = [
        Line(name, counts_in(buckets, connection, selection, _ending(types, ends)))
        for name, ends in _LINES.items()
    ]
    funnel = _funnel(connection, selection, types)
    return Subscriptions(buckets.length, buckets.starts, lines, funnel)


def _funnel(
    connection: sqlite3.Connection,
    selection: Selection,
    types: Mapping[int, str],
) -> list[Step]:
    """Count the users who took the steps one after the other, within the range."""
    steps = []
    reached: dict[int, int] | None = None
    for step, ends in _STEPS.items():
        now: dict[int, int] = {}
        for number, table in product(_ending(types, ends), BY_USER):
            times = _times(connection, selection, number, table, reached)
            # Usually there is one type, and nothing in the other table.
            now, more = (now, times) if len(now) > len(times) else (times, now)
            for user, time in more.items():
                now[user] = min(time, now.get(user, time))
        reached = now
        steps.append(Step(step, len(now)))
    return steps


def _times(
    connection: sqlite3.Connection,
    selection: Selection,
    number: int,
    table: str,
    reached: Mapping[int, int] | None,
) -> dict[int, int]:
    """Return when users first took a step, after they `reached` the one before."""
    found = f"FROM {table} WHERE type = ? AND time >= ? AND time < ?"
    values = (number, selection.since, selection.until)
    if reached is None:
        query = f"SELECT user, min(time) {found} GROUP BY user"
        return dict(connection.execute(query, values))
    query = f"SELECT user, time {found} ORDER BY user DESC, time DESC"
    never = LAST_MOMENT
    # The latest come first, so that the earliest of each user remains.
    return {
        user: time
        for user, time in connection.execute(query, values)
        if time >= reached.get(user, never)
    }


def _ending(types: Mapping[int, str], ends: tuple[str, ...]) -> list[int]:
    return [number for number, name in types.items() if name.endswith(ends)]
