"""What has just arrived, told to whoever listens, as server-sent events."""

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
    events_of,
    request_row,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from target_amplitude_nami.local.queries.reader import Reader

_MOST_ROWS = 100
_SECONDS_BETWEEN = 0.25
"""Between two messages to one listener; what comes meanwhile comes together."""
_SECONDS_UNTOLD = 2
"""After so long a silence one looks whether another process wrote to the file."""
_HEARTBEAT_SECONDS = 15


class Arrivals(msgspec.Struct, frozen=True):
    """What came since the last message, the newest first."""

    events: list[EventRow]
    requests: list[RequestRow]
    more: int
    """How many events came beside those."""
    version: int


class Notifier:
    """Rings when something was stored; for use in the server's event loop alone."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def notify(self) -> None:
        """Wake all who wait for this ring."""
        rung, self._next = self._next, asyncio.Event()
        rung.set()

    def next_notification(self) -> asyncio.Event:
        """Return what will be set by the next ring, whenever one waits for it."""
        return self._next


async def stream(
    reader: Reader,
    notifier: Notifier,
    closing_down: asyncio.Event,
    told: int,
) -> AsyncIterator[bytes]:
    """Yield what arrives after this version of the file.

    It ends when the file cannot be read: a browser asks again, and is told why.
    """
    with suppress(sqlite3.Error):
        async for message in _messages(reader, notifier, closing_down, told):
            yield message


async def _messages(
    reader: Reader,
    notifier: Notifier,
    closing_down: asyncio.Event,
    told: int,
) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    spoke = time.monotonic()
    while not closing_down.is_set():
        # Asked for before one looks, so that no ring is missed between the two.
        ring = notifier.next_notification()
        if await asyncio.to_thread(version, reader) > told:
            arrivals = await asyncio.to_thread(_look, reader, told)
            told = arrivals.version
            yield _message(told, arrivals)
            spoke = time.monotonic()
            await _wait(closing_down, _SECONDS_BETWEEN)
        elif time.monotonic() - spoke > _HEARTBEAT_SECONDS:
            yield b": still here\n\n"
            spoke = time.monotonic()
        else:
            await _wait(ring, _SECONDS_UNTOLD)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _message(number: int, arrivals: Arrivals) -> bytes:
    text = msgspec.json.encode(arrivals)
    return b"event: arrivals\nid: %d\ndata: %b\n\n" % (number, text)


def version(reader: Reader) -> int:
    """Return the version of the file by now."""
    with closing(reader.connect()) as connection:
        return figures.version(connection)


def _look(reader: Reader, after: int) -> Arrivals:
    with closing(reader.connect()) as connection:
        # One view of the file for all that follows.
        connection.execute("BEGIN")
        rows = connection.execute(
            f"SELECT {REQUEST_COLUMNS} FROM requests WHERE number > ?"  # noqa: S608
            " ORDER BY number DESC LIMIT ?",
            (after, _MOST_ROWS),
        )
        requests = [request_row(row) for row in rows]
        numbers, count = _new_events(connection, after)
        return Arrivals(
            events_of(connection, numbers),
            requests,
            count - len(numbers),
            figures.version(connection),
        )


def _new_events(connection: sqlite3.Connection, after: int) -> tuple[list[int], int]:
    """Return the newest events of the requests after this one, and how many came."""
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
