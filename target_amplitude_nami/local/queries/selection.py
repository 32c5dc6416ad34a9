"""Defines which events, users or requests a query selects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.ingest.effects import Kind

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

FIRST_MOMENT, LAST_MOMENT = -(2**62), 2**62


class Selection(msgspec.Struct, frozen=True):
    """The rows of a list that are asked for; times are in milliseconds since 1970."""

    since: int = FIRST_MOMENT
    until: int = LAST_MOMENT
    """The first moment after the range."""
    types: tuple[str, ...] = ()
    """Event types; empty for all."""
    user: int | None = None
    request: int | None = None
    before: tuple[int, ...] = ()
    """The position in the list after which to continue."""
    limit: int = 100


def type_numbers(
    connection: sqlite3.Connection,
    names: Iterable[str] = (),
    *,
    listed: bool = False,
) -> dict[int, str]:
    """Return the names of event types by their numbers.

    Args:
        connection: The file.
        names: The names to return; empty for all.
        listed: Only types that charts can show.
    """
    wanted = set(names)
    return {
        number: name
        for number, name, kind in connection.execute(
            "SELECT number, name, kind FROM types ORDER BY name, number",
        )
        if (not wanted or name in wanted) and (not listed or kind == Kind.EVENT)
    }


def event_numbers(
    connection: sqlite3.Connection,
    request: int,
    limit: int = LAST_MOMENT,
) -> tuple[int, int]:
    """Return the first and the last number of a request's events, at most so many.

    The last is lower than the first if it stored none.
    """
    row = connection.execute(
        "SELECT first_event, events - duplicates FROM requests"
        " WHERE number = ? AND status BETWEEN 0 AND 399",
        (request,),
    ).fetchone()
    first, count = row or (0, 0)
    return first, first + min(count, limit) - 1
