"""Writes the request log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.ingest import limits

if TYPE_CHECKING:
    import sqlite3


class LoggedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the request log."""

    number: int
    time: float
    api: str
    """The API's name; for other paths, the path."""
    status: int
    """The answer's status; 0 if a fault dropped the connection before any answer."""
    events: int
    duplicates: int
    payload_bytes: int
    """Length of the decompressed body."""
    wire_bytes: int
    milliseconds: float
    """From its last byte until it was stored."""
    answer: bytes
    fault: str = ""
    """The name of the fault that struck it; empty without one."""
    error: str = ""
    """The error message of a refusal."""
    body: bytes | None = None
    """The decompressed body, if it was kept."""


_COLUMNS = tuple(n for n in LoggedRequest.__struct_fields__ if n != "body")


class RequestLog:
    """Writes the tables `requests` and `bodies`, and the totals of both.

    Args:
        connection: The file.
        kept_bodies: How many bodies of refused requests to keep.
    """

    def __init__(self, connection: sqlite3.Connection, kept_bodies: int) -> None:
        self._connection = connection
        self._kept_bodies = kept_bodies

    def add(self, entry: LoggedRequest, *, first_event: int, users: int) -> None:
        """Store a line of the log.

        Args:
            entry: The line.
            first_event: The number of the request's first event, if it has one.
            users: The highest number of a user so far.
        """
        execute = self._connection.execute
        execute(
            "INSERT INTO requests VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (*(getattr(entry, name) for name in _COLUMNS), first_event),
        )
        execute(
            "UPDATE totals SET requests = requests + 1, refused = refused + ?,"
            " duplicates = duplicates + ?, users = ?",
            (not limits.is_success(entry.status), entry.duplicates, users),
        )
        if entry.body is not None:
            execute("INSERT INTO bodies VALUES (?,?)", (entry.number, entry.body))

    def prune_bodies(self) -> None:
        """Delete the bodies of all but the newest refused requests."""
        self._connection.execute(
            "DELETE FROM bodies WHERE request <= (SELECT request FROM bodies"
            " ORDER BY request DESC LIMIT 1 OFFSET ?)",
            (self._kept_bodies,),
        )
