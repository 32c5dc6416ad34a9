"""Counts events and users: in total, by type, and over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.ingest.effects import Kind
from target_amplitude_nami.local.queries.charts import (
    Overview,
    Series,
    State,
    Totals,
    TypeRow,
)
from target_amplitude_nami.local.queries.selection import Selection, type_numbers
from target_amplitude_nami.local.queries.time_buckets import (
    buckets_of,
    counts_in,
    first_and_last,
)
from target_amplitude_nami.local.storage.event_index import BY_TIME, BY_USER

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping


def state(connection: sqlite3.Connection, file: str, region: str) -> State:
    """Return a short description of the file."""
    types = type_numbers(connection, listed=True)
    first, last = first_and_last(connection, types)
    [[users]] = connection.execute("SELECT count(*) FROM users")
    names = sorted(set(types.values()))
    return State(file, first, last, names, users, version(connection), region)


def version(connection: sqlite3.Connection) -> int:
    """Return a number that grows with each commit: that of the newest request."""
    number: int = connection.execute(
        "SELECT coalesce(max(number), 0) FROM requests",
    ).fetchone()[0]
    return number


def overview(connection: sqlite3.Connection, selection: Selection) -> Overview:
    """Return events over time by type, and the totals."""
    types = type_numbers(connection, selection.types, listed=True)
    buckets = buckets_of(connection, selection, types)
    rows: dict[str, TypeRow] = {}
    series: dict[str, Series] = {}
    for number, events, users in _per_type(connection, selection, types):
        name = types[number]
        known = rows.get(name, TypeRow(name, 0, 0))
        rows[name] = TypeRow(name, known.events + events, known.users + users)
        counts = counts_in(buckets, connection, selection, [number])
        if name in series:
            counts = [a + b for a, b in zip(series[name].counts, counts, strict=True)]
        series[name] = Series(name, counts)
    [[duplicates, requests, refused]] = connection.execute(
        "SELECT duplicates, requests, refused FROM totals",
    )
    totals = Totals(
        events=sum(row.events for row in rows.values()),
        users=_users(connection, selection, types, rows),
        duplicates=duplicates,
        identifies=_identifies(connection, selection),
        requests=requests,
        refused=refused,
    )
    ordered = sorted(rows.values(), key=lambda row: (-row.events, row.type))
    return Overview(
        totals,
        ordered,
        buckets.length,
        buckets.starts,
        [series[row.type] for row in ordered],
    )


def _per_type(
    connection: sqlite3.Connection,
    selection: Selection,
    types: Iterable[int],
) -> Iterator[tuple[int, int, int]]:
    """Yield types that have events, with the number of these and of their users."""
    found = "FROM {} WHERE type = ?1 AND time >= ?2 AND time < ?3"
    fresh, settled = (found.format(table) for table in BY_USER)
    # In order, so that the two are merged as they are read.
    users_of = (
        f"SELECT DISTINCT user {fresh} UNION SELECT DISTINCT user {settled} ORDER BY 1"
    )
    query = (
        f"SELECT (SELECT count(*) {fresh}) + (SELECT count(*) {settled}),"  # noqa: S608
        f" (SELECT count(*) FROM ({users_of}))"
    )
    for number in types:
        values = (number, selection.since, selection.until)
        [[events, users]] = connection.execute(query, values)
        if events:
            yield number, events, users


def _users(
    connection: sqlite3.Connection,
    selection: Selection,
    types: Mapping[int, str],
    rows: Mapping[str, TypeRow],
) -> int:
    """Return how many users have an event of these types in the range."""
    if len(types) <= 1:
        return sum(row.users for row in rows.values())
    if not selection.types and _covers_all(connection, selection, types):
        [[active]] = connection.execute("SELECT active FROM totals")
        return int(active)
    found = " UNION ".join(
        f"SELECT user FROM {table}"  # noqa: S608
        f" WHERE type IN ({','.join(map(str, types))}) AND time >= ?1 AND time < ?2"
        for table in BY_USER
    )
    [[users]] = connection.execute(
        f"SELECT count(*) FROM ({found})",  # noqa: S608
        (selection.since, selection.until),
    )
    count: int = users
    return count


def _covers_all(
    connection: sqlite3.Connection,
    selection: Selection,
    types: Iterable[int],
) -> bool:
    first, last = first_and_last(connection, types)
    if first is None or last is None:
        return False
    return selection.since <= first and last < selection.until


def _identifies(connection: sqlite3.Connection, selection: Selection) -> int:
    return sum(
        count
        for table in BY_TIME
        for (count,) in connection.execute(
            f"SELECT count(*) FROM types CROSS JOIN {table}"  # noqa: S608
            " ON type = types.number WHERE kind = ? AND time >= ? AND time < ?",
            (Kind.IDENTIFY, selection.since, selection.until),
        )
    )
