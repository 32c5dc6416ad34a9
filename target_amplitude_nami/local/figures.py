"""The figures of the page: events over time, users, and the way to a subscription."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local import lists
from target_amplitude_nami.local.charts import (
    Line,
    Overview,
    Series,
    State,
    Step,
    Subscriptions,
    Totals,
    TypeRow,
)
from target_amplitude_nami.local.model import Kind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_WEEK = 7 * _DAY
_BUCKETS = (
    _MINUTE,
    5 * _MINUTE,
    15 * _MINUTE,
    _HOUR,
    3 * _HOUR,
    6 * _HOUR,
    _DAY,
    2 * _DAY,
    _WEEK,
)
_MOST_BUCKETS = 120
_MONDAY = -3 * _DAY
"""Weeks start with a Monday, and 1970 with a Thursday."""

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


def state(connection: sqlite3.Connection, file: str, region: str) -> State:
    """Return what the file holds, in short."""
    types = lists.type_numbers(connection, listed=True)
    first, last = _range(connection, types)
    [[users]] = connection.execute("SELECT count(*) FROM users")
    names = sorted(set(types.values()))
    return State(file, first, last, names, users, version(connection), region)


def version(connection: sqlite3.Connection) -> int:
    """Return a number that grows with each commit: that of the newest request."""
    number: int = connection.execute(
        "SELECT coalesce(max(number), 0) FROM requests",
    ).fetchone()[0]
    return number


def overview(connection: sqlite3.Connection, wanted: lists.Wanted) -> Overview:
    """Return events over time by type, and the totals."""
    types = lists.type_numbers(connection, wanted.types, listed=True)
    bucket, starts = _buckets(connection, wanted, types)
    rows: dict[str, TypeRow] = {}
    series: dict[str, Series] = {}
    for number, events, users in _per_type(connection, wanted, types):
        name = types[number]
        known = rows.get(name, TypeRow(name, 0, 0))
        rows[name] = TypeRow(name, known.events + events, known.users + users)
        counts = _counts(connection, wanted, [number], bucket, starts)
        if name in series:
            counts = [a + b for a, b in zip(series[name].counts, counts, strict=True)]
        series[name] = Series(name, counts)
    [[duplicates, requests, refused]] = connection.execute(
        "SELECT duplicates, requests, refused FROM totals",
    )
    totals = Totals(
        events=sum(row.events for row in rows.values()),
        users=_users(connection, wanted, types, rows),
        duplicates=duplicates,
        identifies=_identifies(connection, wanted),
        requests=requests,
        refused=refused,
    )
    ordered = sorted(rows.values(), key=lambda row: (-row.events, row.type))
    return Overview(
        totals, ordered, bucket, starts, [series[row.type] for row in ordered]
    )


def subscriptions(
    connection: sqlite3.Connection,
    wanted: lists.Wanted,
) -> Subscriptions:
    """Return how subscriptions come and go, and how far users came towards one."""
    types = lists.type_numbers(connection, listed=True)
    bucket, starts = _buckets(connection, wanted, types)
    lines = [
        Line(name, _counts(connection, wanted, _ending(types, ends), bucket, starts))
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
        for number in _ending(types, ends):
            query = (
                "SELECT user, {} FROM events INDEXED BY events_by_user"
                " WHERE type = ? AND time >= ? AND time < ? {}"
            )
            # Of the first step only its first time counts, of the others any later one.
            columns = ("min(time)", "GROUP BY user")
            if reached is not None:
                columns = ("time", "ORDER BY user, time")
            for user, time in connection.execute(
                query.format(*columns), (number, wanted.since, wanted.until)
            ):
                if reached is not None and time < reached.get(user, lists.LAST_MOMENT):
                    continue
                if time < now.get(user, lists.LAST_MOMENT):
                    now[user] = time
        reached = now
        steps.append(Step(step, len(now)))
    return steps


def _ending(types: Mapping[int, str], ends: tuple[str, ...]) -> list[int]:
    return [number for number, name in types.items() if name.endswith(ends)]


def _range(
    connection: sqlite3.Connection,
    types: Iterable[int],
) -> tuple[int | None, int | None]:
    query = "SELECT {}(time) FROM events INDEXED BY events_by_time WHERE type = ?"
    first, last = (
        [
            found
            for number in types
            for (found,) in connection.execute(query.format(end), (number,))
            if found is not None
        ]
        for end in ("min", "max")
    )
    return min(first, default=None), max(last, default=None)


def _buckets(
    connection: sqlite3.Connection,
    wanted: lists.Wanted,
    types: Iterable[int],
) -> tuple[int, list[int]]:
    """Return how long the buckets are, and where each one starts."""
    first, last = _range(connection, types)
    since = first if wanted.since == lists.FIRST_MOMENT else wanted.since
    until = wanted.until
    if until == lists.LAST_MOMENT and last is not None:
        until = last + 1
    if since is None or until == lists.LAST_MOMENT or since >= until:
        return _DAY, []
    for bucket in _BUCKETS:
        if (until - since) // bucket < _MOST_BUCKETS - 1:
            break
    else:
        bucket = _WEEK * ((until - since) // (_WEEK * (_MOST_BUCKETS - 2)) + 1)
    offset = _MONDAY if bucket % _WEEK == 0 else 0
    start = (since - offset) // bucket * bucket + offset
    return bucket, list(range(start, until, bucket))


def _per_type(
    connection: sqlite3.Connection,
    wanted: lists.Wanted,
    types: Iterable[int],
) -> Iterable[tuple[int, int, int]]:
    return connection.execute(
        "SELECT type, count(*), count(DISTINCT user) FROM events"  # noqa: S608
        " INDEXED BY events_by_user"
        f" WHERE type IN ({','.join(map(str, types))}) AND time >= ? AND time < ?"
        " GROUP BY type",
        (wanted.since, wanted.until),
    ).fetchall()


def _counts(
    connection: sqlite3.Connection,
    wanted: lists.Wanted,
    types: Iterable[int],
    bucket: int,
    starts: list[int],
) -> list[int]:
    """Return how many events of these types are in each bucket.

    One look at an index per bucket takes a fifth of the time of grouping all events.
    """
    query = (
        "SELECT count(*) FROM events INDEXED BY events_by_time"
        " WHERE type = ? AND time >= ? AND time < ?"
    )
    execute = connection.execute
    counts = [0] * len(starts)
    for number in types:
        for place, start in enumerate(starts):
            since = max(start, wanted.since)
            until = min(start + bucket, wanted.until)
            counts[place] += execute(query, (number, since, until)).fetchone()[0]
    return counts


def _users(
    connection: sqlite3.Connection,
    wanted: lists.Wanted,
    types: Mapping[int, str],
    rows: Mapping[str, TypeRow],
) -> int:
    """Return how many users have an event of these types in the range."""
    if len(types) <= 1:
        return sum(row.users for row in rows.values())
    if not wanted.types and _is_all(connection, wanted, types):
        [[active]] = connection.execute("SELECT active FROM totals")
        return int(active)
    [[users]] = connection.execute(
        "SELECT count(DISTINCT user) FROM events INDEXED BY events_by_user"  # noqa: S608
        f" WHERE type IN ({','.join(map(str, types))}) AND time >= ? AND time < ?",
        (wanted.since, wanted.until),
    )
    count: int = users
    return count


def _is_all(
    connection: sqlite3.Connection,
    wanted: lists.Wanted,
    types: Iterable[int],
) -> bool:
    first, last = _range(connection, types)
    if first is None or last is None:
        return False
    return wanted.since <= first and last < wanted.until


def _identifies(connection: sqlite3.Connection, wanted: lists.Wanted) -> int:
    [[count]] = connection.execute(
        "SELECT count(*) FROM types CROSS JOIN events INDEXED BY events_by_time"
        " ON type = types.number WHERE kind = ? AND time >= ? AND time < ?",
        (Kind.IDENTIFY, wanted.since, wanted.until),
    )
    identifies: int = count
    return identifies
