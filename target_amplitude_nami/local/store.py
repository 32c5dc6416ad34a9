"""What the local Amplitude keeps, in one SQLite file."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.identity import fingerprint
from target_amplitude_nami.local.model import (
    Effects,
    JsonObject,
    LoggedRequest,
    NewEvent,
    User,
    UserKey,
)

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    number INTEGER PRIMARY KEY,
    time REAL NOT NULL,
    api TEXT NOT NULL,
    status INTEGER NOT NULL,
    events INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    payload_bytes INTEGER NOT NULL,
    wire_bytes INTEGER NOT NULL,
    answer BLOB NOT NULL,
    fault TEXT NOT NULL,
    body BLOB
);
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,
    request INTEGER NOT NULL,
    project TEXT NOT NULL,
    event_type TEXT NOT NULL,
    user_id TEXT,
    device_id TEXT NOT NULL,
    insert_id TEXT,
    time INTEGER NOT NULL,
    uploaded INTEGER NOT NULL,
    listed INTEGER NOT NULL,
    export TEXT NOT NULL,
    raw BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_type ON events (listed, event_type, time);
CREATE TABLE IF NOT EXISTS users (
    number INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    user_id TEXT,
    device_id TEXT,
    properties TEXT NOT NULL,
    updated REAL NOT NULL,
    hour REAL NOT NULL,
    updates INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS users_by_id ON users (user_id, device_id);
CREATE TABLE IF NOT EXISTS seen (
    fingerprint INTEGER PRIMARY KEY,
    time REAL NOT NULL
);
"""

# To be raised with every change of the tables.
_VERSION = 1

_decode = msgspec.json.Decoder(JsonObject).decode


class Store:
    """The file, as its one writer sees it; readers open it with `reading.Reader`.

    In WAL mode a commit survives the death of the process; only a crash of the whole
    machine could take the newest ones.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, and make it and its folder if they are missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # What users did is in it: nobody else on the machine needs to read that.
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(
            path,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            # Ids come in no order, so that a request touches pages all over the
            # indexes: they stay in memory (64 MB), and are folded into the file
            # seldom (every 40 MB).
            self._connection.execute("PRAGMA cache_size = -65536")
            self._connection.execute("PRAGMA wal_autocheckpoint = 10000")
            self._prepare()
            self._last: int = self._connection.execute(
                "SELECT coalesce(max(number), 0) FROM requests",
            ).fetchone()[0]
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        """Make the tables of an empty file; leave a file of other tables alone."""
        [version] = self._connection.execute("PRAGMA user_version").fetchone()
        [tables] = self._connection.execute(
            "SELECT count(*) FROM sqlite_schema",
        ).fetchone()
        if tables and version != _VERSION:
            raise sqlite3.DatabaseError("made by another version; move it away")
        self._connection.executescript(_SCHEMA)
        self._connection.execute(f"PRAGMA user_version = {_VERSION}")

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        self._connection.close()

    def next_number(self) -> int:
        """Return the number of the next request, going on from earlier runs."""
        self._last += 1
        return self._last

    def seen(self, fingerprints: Collection[int], since: float) -> set[int]:
        """Return those of the fingerprints that were stored at or after `since`."""
        places = ",".join("?" * len(fingerprints))
        rows = self._connection.execute(
            f"SELECT fingerprint FROM seen WHERE fingerprint IN ({places})"  # noqa: S608
            " AND time >= ?",
            (*fingerprints, since),
        )
        return {fingerprint for (fingerprint,) in rows}

    def users(self, keys: Collection[UserKey]) -> dict[UserKey, User]:
        """Return those of the users that are known."""
        numbers = {_number_of(key): key for key in keys}
        places = ",".join("?" * len(numbers))
        rows = self._connection.execute(
            "SELECT number, properties, hour, updates FROM users"  # noqa: S608
            f" WHERE number IN ({places})",
            list(numbers),
        )
        return {
            numbers[number]: User(_decode(properties), hour, updates)
            for number, properties, hour, updates in rows
        }

    def commit(self, entry: LoggedRequest, effects: Effects) -> None:
        """Store a request and its effects, all of them or none."""
        execute, many = self._connection.execute, self._connection.executemany
        execute("BEGIN IMMEDIATE")
        try:
            execute(
                "INSERT INTO requests VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                msgspec.structs.astuple(entry),
            )
            many(
                "INSERT INTO events VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?)",
                [_row_of(entry.number, event) for event in effects.events],
            )
            many(
                "INSERT OR REPLACE INTO seen VALUES (?,?)",
                [(mark, entry.time) for mark in effects.fingerprints],
            )
            many(
                "INSERT INTO users VALUES (?,?,?,?,?,?,?,?)"
                " ON CONFLICT (number) DO UPDATE SET"
                " (properties, updated, hour, updates) = (excluded.properties,"
                " excluded.updated, excluded.hour, excluded.updates)",
                [
                    (
                        _number_of(key),
                        *key,
                        msgspec.json.encode(user.properties).decode(),
                        entry.time,
                        user.hour,
                        user.updates,
                    )
                    for key, user in effects.users.items()
                ],
            )
        except BaseException:
            execute("ROLLBACK")
            raise
        execute("COMMIT")


def _number_of(key: UserKey) -> int:
    return fingerprint(key.project, key.device_id or "", key.user_id or "")


def _row_of(request: int, event: NewEvent) -> tuple[object, ...]:
    return (request, *msgspec.structs.astuple(event))
