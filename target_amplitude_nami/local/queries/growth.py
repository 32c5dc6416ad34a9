"""How subscriptions come and go, and the way of users to one."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries import figures, lists
from target_amplitude_nami.local.queries.charts import Line, Step, Subscriptions
from target_amplitude_nami.local.storage.event_index import BY_USER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

# The events of Nami that each line counts; there may be a prefix before them.
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
    wanted: lists.Wanted,
) -> Subscriptions:
    """Return how subscriptions come and go, and how far users came towards one."""
    types = lists.type_numbers(connection, listed=True)
    bucket, starts = figures.buckets(connection, wanted, types)
    lines = [
        Line(
            name,
            figures.counts_of(connection, wanted, _ending(types, ends), bucket, starts),
        )
        for name, ends in _LINES.items()
    ]
    return Subscriptions(bucket, starts, lines, _funnel(connection, wanted, types))


def _funnel(
    connection: sqlite3.Connection,
    wanted: lists.Wanted,
    types: Mapping[int, str],
) -> list[Step]:
    """Count the users who did the steps one after the other, within the range."""
    steps = []
    reached: dict[int, int] | None = None
    for step, ends in _STEPS.items():
        now: dict[int, int] = {}
        for number, table in product(_ending(types, ends), BY_USER):
            times = _times(connection, wanted, number, table, reached)
            # Most often there is one type, and nothing in the other table.
            now, more = (now, times) if len(now) > len(times) else (times, now)
            for user, time in more.items():
                now[user] = min(time, now.get(user, time))
        reached = now
        steps.append(Step(step, len(now)))
    return steps


def _times(
    connection: sqlite3.Connection,
    wanted: lists.Wanted,
    number: int,
    table: str,
    reached: Mapping[int, int] | None,
) -> dict[int, int]:
    """Return users and when they first did a step, once they had `reached` it."""
    found = f"FROM {table} WHERE type = ? AND time >= ? AND time < ?"
    values = (number, wanted.since, wanted.until)
    if reached is None:
        query = f"SELECT user, min(time) {found} GROUP BY user"
        return dict(connection.execute(query, values))
    query = f"SELECT user, time {found} ORDER BY user DESC, time DESC"
    never = lists.LAST_MOMENT
    # The latest come first, so that of each user the earliest is what stays.
    return {
        user: time
        for user, time in connection.execute(query, values)
        if time >= reached.get(user, never)
    }


def _ending(types: Mapping[int, str], ends: tuple[str, ...]) -> list[int]:
    return [number for number, name in types.items() if name.endswith(ends)]
