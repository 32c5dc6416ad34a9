"""Reads the events of a request, as they were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.queries.selection import LAST_MOMENT, event_numbers

if TYPE_CHECKING:
    import sqlite3

    from target_amplitude_nami.local.model import Upload


class SentEvent(msgspec.Struct, frozen=True):
    """An event of a request."""

    place: int
    """In the request, from 1; if that was accepted, among those that were stored."""
    number: int | None
    """The number of the event; None if it was not stored."""
    text: str
    """As JSON."""


class SentEvents(msgspec.Struct, frozen=True):
    """A page of the events of a request."""

    events: list[SentEvent]
    total: int
    next: str | None


def sent_events(
    connection: sqlite3.Connection,
    request: int,
    upload: Upload | None,
    skipped: int,
    limit: int,
) -> SentEvents:
    """Return some events of a request.

    Args:
        connection: The file.
        request: The request's number.
        upload: The content of its body, if that was kept.
        skipped: How many events the pages before have shown.
        limit: How many to return.
    """
    found: list[tuple[int | None, bytes]]
    if upload is not None:
        total = len(upload.raws)
        found = [(None, raw) for raw in upload.raws[skipped : skipped + limit]]
    else:
        first, last = event_numbers(connection, request)
        total = last - first + 1
        found = stored_events(connection, request, skipped, limit)
    events = [
        SentEvent(place, number, raw.decode("utf-8", "replace"))
        for place, (number, raw) in enumerate(found, skipped + 1)
    ]
    shown = skipped + len(events)
    return SentEvents(events, total, str(shown) if shown < total else None)


def stored_events(
    connection: sqlite3.Connection,
    request: int,
    skipped: int = 0,
    limit: int = LAST_MOMENT,
) -> list[tuple[int | None, bytes]]:
    """Return the numbers of a request's events and their bytes, if it was accepted."""
    first, last = event_numbers(connection, request)
    return connection.execute(
        "SELECT number, raw FROM events WHERE number BETWEEN ? AND ?"
        " ORDER BY number LIMIT ?",
        (first + skipped, last, limit),
    ).fetchall()
