"""Divides time into the buckets of a chart, and counts the events in each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.queries.selection import (
    FIRST_MOMENT,
    LAST_MOMENT,
    Selection,
)
from target_amplitude_nami.local.storage.event_index import BY_TIME

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_WEEK = 7 * _DAY
_LENGTHS = (
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
_MONDAY = -3 * _DAY
"""Weeks start with a Monday, and 1970 with a Thursday."""

WIDE, NARROW = 120, 40
"""The most buckets of a chart as wide as the page, and of several side by side."""


class Buckets(msgspec.Struct, frozen=True):
    """Stretches of time of one length, one after the other; in milliseconds."""

    length: int
    starts: list[int]
    """Of each, since 1970; the first and the last may reach beyond the range."""


def first_and_last(
    connection: sqlite3.Connection,
    types: Iterable[int],
) -> tuple[int | None, int | None]:
    """Return when the first and the last event of these types happened."""
    query = "SELECT {}(time) FROM {} WHERE type = ?"
    first, last = (
        [
            found
            for number in types
            for table in BY_TIME
            for (found,) in connection.execute(query.format(end, table), (number,))
            if found is not None
        ]
        for end in ("min", "max")
    )
    return min(first, default=None), max(last, default=None)


def buckets_of(
    connection: sqlite3.Connection,
    selection: Selection,
    types: Iterable[int],
    most: int = WIDE,
) -> Buckets:
    """Return the buckets of the selected range, which ends where the events do.

    Args:
        connection: The file.
        selection: The range.
        types: The numbers of the event types.
        most: How many buckets to return at most.
    """
    first, last = first_and_last(connection, types)
    since = first if selection.since == FIRST_MOMENT else selection.since
    until = selection.until
    if until == LAST_MOMENT and last is not None:
        until = last + 1
    if since is None or until == LAST_MOMENT or since >= until:
        return Buckets(_DAY, [])
    for length in _LENGTHS:
        if (until - since) // length < most - 1:
            break
    else:
        length = _WEEK * ((until - since) // (_WEEK * (most - 2)) + 1)
    offset = _MONDAY if length % _WEEK == 0 else 0
    start = (since - offset) // length * length + offset
    return Buckets(length, list(range(start, until, length)))


def counts_in(
    buckets: Buckets,
    connection: sqlite3.Connection,
    selection: Selection,
    types: Iterable[int],
) -> list[int]:
    """Return how many of the selected events of these types are in each bucket.

    Two queries per bucket take a fifth of the time of grouping all events.
    """
    query = "SELECT {} + {}".format(
        *(
            f"(SELECT count(*) FROM {table}"  # noqa: S608
            " WHERE type = ?1 AND time >= ?2 AND time < ?3)"
            for table in BY_TIME
        ),
    )
    execute = connection.execute
    counts = [0] * len(buckets.starts)
    for number in types:
        for place, start in enumerate(buckets.starts):
            since = max(start, selection.since)
            until = min(start + buckets.length, selection.until)
            counts[place] += execute(query, (number, since, until)).fetchone()[0]
    return counts
