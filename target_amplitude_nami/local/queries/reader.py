"""Reads the file of a local Amplitude, while it runs or afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.ingest.effects import Kind, NameKind
from target_amplitude_nami.local.jsontext import decode
from target_amplitude_nami.local.model import JsonObject
from target_amplitude_nami.local.queries.export import export_of
from target_amplitude_nami.local.storage import schema, user_names
from target_amplitude_nami.local.storage.request_log import LoggedRequest
from target_amplitude_nami.local.storage.store import Store
from target_amplitude_nami.local.storage.user_table import profile_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_object = msgspec.json.Decoder(JsonObject).decode


class StoredEvent(msgspec.Struct, frozen=True):
    """An event in the shape of Amplitude's Export API, and as it was sent."""

    export: JsonObject
    raw: bytes
    project: str

    @property
    def sent(self) -> JsonObject:
        """The event as its sender wrote it."""
        document: JsonObject = decode(self.raw)
        return document


class Summary(msgspec.Struct, frozen=True):
    """The numbers of events, users and requests in a file."""

    events: dict[str, int]
    """Events per event type."""
    identifies: int
    """`$identify` and `$groupidentify`, which Amplitude does not count as events."""
    users: int
    """User ids, and devices without one that no user ever logged in on."""
    duplicates: int
    requests: int
    refused: int
    """Requests answered with 400 or above, or not at all."""
    beyond: int = 0
    """Events of types beyond the limit of a project: stored, but in no chart."""

    @property
    def total(self) -> int:
        """All events of all types."""
        return sum(self.events.values())


class Reader:
    """Reads the file of a local Amplitude; every method sees the newest commit.

    Args:
        path: The file, which is opened anew for every read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def summary(self) -> Summary:
        """Count what the file contains."""
        with closing(self.connect()) as connection:
            counts: dict[Kind, dict[str, int]] = {kind: {} for kind in Kind}
            for name, kind, count in connection.execute(
                "SELECT name, kind,"
                " (SELECT count(*) FROM fresh_by_time WHERE type = types.number)"
                " + (SELECT count(*) FROM by_time WHERE type = types.number)"
                " FROM types ORDER BY name",
            ):
                known = counts[Kind(kind)]
                known[name] = known.get(name, 0) + count
            [[users]] = connection.execute("SELECT count(*) FROM users")
            [[duplicates, requests, refused]] = connection.execute(
                "SELECT duplicates, requests, refused FROM totals",
            )
        return Summary(
            events=counts[Kind.EVENT],
            identifies=sum(counts[Kind.IDENTIFY].values()),
            users=users,
            duplicates=duplicates,
            requests=requests,
            refused=refused,
            beyond=sum(counts[Kind.BEYOND].values()),
        )

    def events(self, *, listed: bool = True) -> Iterator[StoredEvent]:
        """Yield the events in the order of arrival.

        Args:
            listed: False for `$identify` and `$groupidentify` instead.
        """
        query = (
            "SELECT raw, overlay, name, events.time, requests.time, project"
            " FROM events JOIN types ON types.number = type"
            " JOIN requests ON requests.number = request"
            " WHERE (kind <> ?) = ? ORDER BY events.number"
        )
        for raw, overlay, name, time, uploaded, project in self._rows(
            query, Kind.IDENTIFY, int(listed)
        ):
            export = export_of(
                raw,
                _object(overlay),
                event_type=name,
                time=time,
                uploaded=int(uploaded * 1_000),
            )
            yield StoredEvent(export, raw, project)

    def requests(self) -> Iterator[LoggedRequest]:
        """Yield the request log in the order of arrival."""
        columns = [n for n in LoggedRequest.__struct_fields__ if n != "body"]
        query = (
            f"SELECT {', '.join(columns)}, body FROM requests"  # noqa: S608
            " LEFT JOIN bodies ON request = number ORDER BY number"
        )
        columns.append("body")
        for row in self._rows(query):
            yield LoggedRequest(**dict(zip(columns, row, strict=True)))

    def user_properties(self, name: str) -> JsonObject | None:
        """Return the current properties of the user of this id.

        Without such a user, those of the user of the device of this id; if several
        projects have one, the newest user's; None if there is none.
        """
        query = (
            "SELECT user FROM names JOIN users ON number = user"
            " WHERE instr(names, ?) ORDER BY user DESC LIMIT 1"
        )
        with closing(self.connect()) as connection:
            # One view of the file, whatever is moved between its tables meanwhile.
            connection.execute("BEGIN")
            for kind in (NameKind.USER_ID, NameKind.DEVICE_ID):
                found = connection.execute(query, (user_names.entry(kind, name),))
                for (user,) in found.fetchall():
                    return _object(profile_of(connection, user)[0])
        return None

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        with closing(self.connect()) as connection:
            yield from connection.execute(query, values)

    def connect(self) -> sqlite3.Connection:
        """Open the file for reading; the caller closes the connection.

        Raises:
            sqlite3.Error: The file does not exist, or is not a local Amplitude's.
        """
        connection = self._open()
        try:
            if schema.is_older(connection):
                Store(self.path).close()
            schema.check(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self) -> sqlite3.Connection:
        # Opened for reading and writing, because a reader of a file in WAL mode may
        # have to create its shared memory; the file itself is never created.
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA query_only = ON")
            # Counting the users of a million events takes twice as long with a file.
            connection.execute("PRAGMA temp_store = MEMORY")
        except BaseException:
            connection.close()
            raise
        return connection
