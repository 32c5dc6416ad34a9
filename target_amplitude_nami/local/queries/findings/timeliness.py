"""Which events came late, out of order, or with times that cannot be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.queries.rows import EventRow, event_rows
from target_amplitude_nami.local.storage.counts.kinds import Scope, ValueKind
from target_amplitude_nami.local.storage.counts.order import SKIP
from target_amplitude_nami.local.storage.event_index import BY_TIME

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from target_amplitude_nami.local.queries.findings.counts import TypeCount

FIRST_LIKELY = 1_199_145_600_000
"""2008: before, no store sold subscriptions to apps."""
_DAY = 86_400_000
_MOST_SHOWN = 20


class LateEvent(msgspec.Struct, frozen=True):
    """An event that came after a newer one of its user."""

    event: EventRow
    behind: int
    """By so many milliseconds."""
    leaves_user_alone: bool


class Timeliness(msgspec.Struct, frozen=True):
    """How the order and the times of events look."""

    states: int
    """Events with user properties."""
    late: int
    """Those that came after a newer one of their user, and left the user alone."""
    overwrote: int
    """Those that came after a newer one of their user, and set older properties."""
    marked: int
    """Events that the sender marked to leave the user properties alone."""
    future: int
    """Events dated more than a day after they arrived."""
    too_old: int
    """Events dated before 2008."""
    shown: list[LateEvent]
    """Some of the late ones: first those that did harm, the newest first."""


def timeliness(
    connection: sqlite3.Connection, types: Sequence[TypeCount]
) -> Timeliness:
    """Return how the order and the times of the events look."""
    [[late, overwrote]] = connection.execute("SELECT late, overwrote FROM sizes")
    return Timeliness(
        states=_states(types),
        late=late,
        overwrote=overwrote,
        marked=_marked(types),
        future=_future(connection),
        too_old=_between(connection, -(2**62), FIRST_LIKELY),
        shown=_shown(connection),
    )


def _states(types: Sequence[TypeCount]) -> int:
    """Return how many events carry the user property that most of their type carry."""
    return sum(
        max(
            (
                count.present
                for (scope, _), count in each.properties.items()
                if scope is Scope.USER
            ),
            default=0,
        )
        for each in types
    )


def _marked(types: Sequence[TypeCount]) -> int:
    counts = (each.properties.get((Scope.FIELD, SKIP)) for each in types)
    return sum(count.kinds[ValueKind.TRUE] for count in counts if count)


def _future(connection: sqlite3.Connection) -> int:
    [[newest]] = connection.execute("SELECT max(time) FROM requests")
    if newest is None:
        return 0
    return _between(connection, int(newest * 1_000) + _DAY, 2**62)


def _between(connection: sqlite3.Connection, since: int, until: int) -> int:
    return sum(
        count
        for table in BY_TIME
        for (count,) in connection.execute(
            f"SELECT count(*) FROM types CROSS JOIN {table}"  # noqa: S608
            " ON type = types.number AND time >= ? AND time < ?",
            (since, until),
        )
    )


def _shown(connection: sqlite3.Connection) -> list[LateEvent]:
    rows: list[tuple[int, int, int]] = []
    for leaves_user_alone in (0, 1):
        rows += connection.execute(
            "SELECT number, behind, leaves_user_alone FROM late_events"
            " WHERE leaves_user_alone = ? ORDER BY number DESC LIMIT ?",
            (leaves_user_alone, _MOST_SHOWN - len(rows)),
        )
    events = {
        row.number: row for row in event_rows(connection, [n for n, _, _ in rows])
    }
    return [
        LateEvent(events[number], behind, bool(alone))
        for number, behind, alone in rows
        if number in events
    ]
