"""Reads the file of a local Amplitude, while it runs or afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.model import (
    JsonObject,
    Kind,
    LoggedRequest,
    NameKind,
    StoredEvent,
    Summary,
)
from target_amplitude_nami.local.queries.exports import export_of
from target_amplitude_nami.local.storage import schema, user_names
from target_amplitude_nami.local.storage.user_table import profile_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_object = msgspec.json.Decoder(JsonObject).decode


class Reader:
    """Looks into the file of a local Amplitude; every look sees the newest commit."""

    def __init__(self, path: Path) -> None:
        """Remember the path; the file itself is opened for each look."""
        self.path = path

    def summary(self) -> Summary:
        """Return what the file holds, in numbers."""
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

        With `listed=False`, what `$identify` and `$groupidentify` brought instead.
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

        Without such a user, those of whoever the device of this id belongs to; if
        several projects know it, the newest user's; None if nobody knows it.
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
        """Open the file, to be read alone.

        Raises:
            sqlite3.Error: There is none, or it is no local Amplitude's.
        """
        # Opened for reading and writing, because a reader of a file in WAL mode may
        # have to make its shared memory; never created, since an empty file is no news.
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=rw",
            uri=True,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA query_only = ON")
            # Counting the users of a million events takes twice as long with a file.
            connection.execute("PRAGMA temp_store = MEMORY")
            schema.check(connection)
        except BaseException:
            connection.close()
            raise
        return connection
