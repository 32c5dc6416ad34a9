"""Streams what has just arrived to the page, as server-sent events."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.queries import figures
from target_amplitude_nami.local.queries.rows import (
    REQUEST_COLUMNS,
    EventRow,
    RequestRow,
    event_rows,
    request_row,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from target_amplitude_nami.local.queries.reader import Reader

_MOST_ROWS = 100
_SECONDS_BETWEEN = 0.25
"""Between two messages to one listener; everything in between is sent together."""
_SECONDS_BETWEEN_CHECKS = 2
"""How often to check whether another process wrote to the file."""
_HEARTBEAT_SECONDS = 15


class Arrivals(msgspec.Struct, frozen=True):
    """The events and requests since the last message, the newest first."""

    events: list[EventRow]
    requests: list[RequestRow]
    more: int
    """How many more events arrived."""
    version: int


class Notifier:
    """Wakes listeners when something was stored; only for the server's event loop."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def notify(self) -> None:
        """Wake all who wait for the next notification."""
        due, self._next = self._next, asyncio.Event()
        due.set()

    def next_notification(self) -> asyncio.Event:
        """Return the event that the next notification sets."""
        return self._next


async def stream(
    reader: Reader,
    notifier: Notifier,
    closing_down: asyncio.Event,
    known: int,
) -> AsyncIterator[bytes]:
    """Yield what arrives after a known version of the file.

    It ends when the file cannot be read; a browser connects again and gets the error.
    """
    with suppress(sqlite3.Error):
        async for message in _messages(reader, notifier, closing_down, known):
            yield message


async def _messages(
    reader: Reader,
    notifier: Notifier,
    closing_down: asyncio.Event,
    known: int,
) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    last_sent = time.monotonic()
    while not closing_down.is_set():
        # Taken before the file is read, so that no notification is missed in between.
        notification = notifier.next_notification()
        if await asyncio.to_thread(version, reader) > known:
            arrivals = await asyncio.to_thread(_arrivals, reader, known)
            known = arrivals.version
            yield _message(known, arrivals)
            last_sent = time.monotonic()
            await _wait(closing_down, _SECONDS_BETWEEN)
        elif time.monotonic() - last_sent > _HEARTBEAT_SECONDS:
            yield b": still here\n\n"
            last_sent = time.monotonic()
        else:
            await _wait(notification, _SECONDS_BETWEEN_CHECKS)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _message(number: int, arrivals: Arrivals) -> bytes:
    text = msgspec.json.encode(arrivals)
    return b"event: arrivals\nid: %d\ndata: %b\n\n" % (number, text)


def version(reader: Reader) -> int:
    """Return the current version of the file."""
    with closing(reader.connect()) as connection:
        return figures.version(connection)


def _arrivals(reader: Reader, after: int) -> Arrivals:
    with closing(reader.connect()) as connection:
        # One snapshot of the file for all that follows.
        connection.execute("BEGIN")
        rows = connection.execute(
            f"SELECT {REQUEST_COLUMNS} FROM requests WHERE number > ?"  # noqa: S608
            " ORDER BY number DESC LIMIT ?",
            (after, _MOST_ROWS),
        )
        requests = [request_row(row) for row in rows]
        numbers, count = _new_events(connection, after)
        return Arrivals(
            event_rows(connection, numbers),
            requests,
            count - len(numbers),
            figures.version(connection),
        )


def _new_events(connection: sqlite3.Connection, after: int) -> tuple[list[int], int]:
    """Return the newest events after a request, and how many there are."""
    first = connection.execute(
        "SELECT first_event FROM requests WHERE number > ? ORDER BY number LIMIT 1",
        (after,),
    ).fetchone()
    if first is None:
        return [], 0
    newest = connection.execute(
        "SELECT number FROM events WHERE number >= ? ORDER BY number DESC LIMIT ?",
        (*first, _MOST_ROWS),
    )
    numbers = [number for (number,) in newest]
    return numbers, (numbers[0] - first[0] + 1 if numbers else 0)
