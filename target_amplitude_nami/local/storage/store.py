"""Writes everything that the local Amplitude keeps to one SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.ingest.effects import (
    Effects,
    Kind,
    NameKind,
    NewEvent,
    User,
)
from target_amplitude_nami.local.run_note import RunNote, read_note, write_note
from target_amplitude_nami.local.storage import schema
from target_amplitude_nami.local.storage.counts.counters import (
    CountedEvent,
    Counters,
    stored_events,
)
from target_amplitude_nami.local.storage.counts.shared_ids import SharedIds
from target_amplitude_nami.local.storage.event_index import EventIndex
from target_amplitude_nami.local.storage.request_log import LoggedRequest, RequestLog
from target_amplitude_nami.local.storage.subscriptions.counters import (
    SubscriptionCounters,
)
from target_amplitude_nami.local.storage.upgrading import upgrade
from target_amplitude_nami.local.storage.user_list.platforms import PlatformNames
from target_amplitude_nami.local.storage.user_list.user_list import UserList
from target_amplitude_nami.local.storage.user_table import UserTable
from target_amplitude_nami.local.storage.write_buffer import WriteBuffer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

_PRUNE_SECONDS = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacities:
    """How much the store buffers and caches."""

    fresh_events: int = 50_000
    """Events that are indexed in the small tables."""
    waiting_rows: int = 50_000
    """New rows that wait before they are moved to their large table."""
    cached_users: int = 60_000
    cached_owners: int = 150_000
    kept_bodies: int = 200
    """Bodies of refused requests, the newest."""


class Store:
    """Writes the file; `queries.reader.Reader` reads it.

    Several processes may write to one file, one transaction at a time. In WAL mode a
    commit survives the end of the process; only a crash of the whole machine could
    lose the newest ones.

    Args:
        path: The file; it and its folder are created if they are missing.
        capacities: How much to buffer and to cache.
    """

    def __init__(self, path: Path, capacities: Capacities | None = None) -> None:
        capacities = capacities or Capacities()
        path.parent.mkdir(parents=True, exist_ok=True)
        # It contains personal data, which nobody else on the machine needs to read.
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(
            path,
            isolation_level=None,
            check_same_thread=False,
            timeout=30,
        )
        try:
            # An event takes about a kilobyte: larger pages mean fewer pages to write.
            self._connection.execute("PRAGMA page_size = 8192")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            # Rows in random order touch pages all over their table: these stay in
            # memory (128 MB), and checkpoints are rare (every 100 MB).
            self._connection.execute("PRAGMA cache_size = -131072")
            self._connection.execute("PRAGMA wal_autocheckpoint = 12500")
            self._prepare()
        except BaseException:
            self._connection.close()
            raise
        self._event_index = EventIndex(self._connection, capacities.fresh_events)
        self._user_table = UserTable(
            self._connection,
            most_waiting=capacities.waiting_rows,
            cached=capacities.cached_users,
        )
        self._seen = WriteBuffer(
            self._connection, "seen", most_waiting=capacities.waiting_rows
        )
        self._owners = WriteBuffer(
            self._connection,
            "owners",
            most_waiting=capacities.waiting_rows,
            cached=capacities.cached_owners,
        )
        self._counters = Counters(
            self._connection,
            most_waiting=capacities.waiting_rows,
            cached=capacities.cached_users,
        )
        self._subscriptions = SubscriptionCounters(
            self._connection,
            most_waiting=capacities.waiting_rows,
            cached=capacities.cached_users,
        )
        self._shared_ids = SharedIds(self._connection, self._owners, self._user_table)
        self._user_list = UserList(self._connection, capacities.waiting_rows)
        self._platforms = PlatformNames(self._connection)
        self._log = RequestLog(self._connection, capacities.kept_bodies)
        self._foreign = -1
        self._last_request = self._last_event = self._last_user = 0
        self._types: dict[str, dict[str, tuple[int, Kind]]] = {}
        self._pruned = 0.0

    def _prepare(self) -> None:
        """Create the tables of an empty file, or bring a file to this version."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            [tables] = execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables:
                upgrade(self._connection)
            else:
                for statement in schema.ALL.split(";\n"):
                    execute(statement)
                execute(f"PRAGMA user_version = {schema.VERSION}")
        except BaseException:
            execute("ROLLBACK")
            raise
        execute("COMMIT")

    def close(self) -> None:
        """Close the file; this merges the write-ahead log into it."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[int]:
        """Commit everything done within, or nothing; yield the request's number."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            [foreign] = self._connection.execute("PRAGMA data_version").fetchone()
            if foreign != self._foreign:
                self._reload()
                self._foreign = foreign
            yield self._last_request + 1
            self._connection.execute("COMMIT")
        except BaseException:
            self._foreign = -1
            # A full disk may have ended the transaction already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._last_request += 1

    @contextmanager
    def erasing(self) -> Iterator[sqlite3.Connection]:
        """Yield the file to delete from it, in one transaction that logs no request.

        What is deleted is overwritten, in the write-ahead log as well.
        """
        execute = self._connection.execute
        [before] = execute("PRAGMA secure_delete").fetchone()
        execute("PRAGMA secure_delete = ON")
        try:
            with self.transaction():
                yield self._connection
        finally:
            self._foreign = -1  # what is cached is read anew
            execute(f"PRAGMA secure_delete = {before}")
        execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def note_run(self, note: RunNote) -> None:
        """Keep what a run notes, in place of what the one before noted."""
        with self.transaction():
            before = read_note(self._connection) or RunNote()
            write_note(self._connection, note)
            if note.renamed != before.renamed:
                self._subscriptions.recount(stored_events(self._connection))
        self._foreign = -1  # no request was logged

    def _reload(self) -> None:
        """Read what another process or an earlier run wrote."""
        self._last_request, self._last_event, self._last_user = (
            self._connection.execute(
                "SELECT"
                " (SELECT coalesce(max(number), 0) FROM requests),"
                " (SELECT coalesce(max(number), 0) FROM events),"
                " (SELECT users FROM totals)",
            ).fetchone()
        )
        self._event_index.load()
        self._user_table.load()
        self._seen.load()
        self._owners.load()
        self._user_list.load()
        self._platforms.load()
        self._counters.load()
        self._subscriptions.load()
        self._types = {}
        for number, project, name, kind in self._connection.execute(
            "SELECT number, project, name, kind FROM types",
        ):
            self._types.setdefault(project, {})[name] = number, Kind(kind)

    def next_event(self) -> int:
        """Return a number for a new event, higher than all before."""
        self._last_event += 1
        return self._last_event

    def next_user(self) -> int:
        """Return a number for a new user, higher than all before."""
        self._last_user += 1
        return self._last_user

    def kinds(self, project: str) -> Mapping[str, Kind]:
        """Return the event types that a project has."""
        known = self._types.get(project, {})
        return {name: kind for name, (_, kind) in known.items()}

    def seen(self, fingerprints: Collection[int], since: float) -> set[int]:
        """Return those of the fingerprints that were stored at or after `since`."""
        known = self._seen.get(fingerprints)
        return {mark for mark, time in known.items() if time >= since * 1_000}

    def owners(self, ids: Collection[int]) -> dict[int, User]:
        """Return the users of these ids, by fingerprint; one object for each user."""
        known = self._owners.get(ids)
        users = self._user_table.get(set(known.values()))
        return {mark: users[number] for mark, number in known.items()}

    def keep(self, effects: Effects, request: int, now: float) -> None:
        """Store what a request changes."""
        self._join(effects.joins)
        if effects.events:
            counted = [self._counted(event) for event in effects.events]
            self._connection.executemany(
                "INSERT INTO events VALUES (?,?,?,?,?,?,?,?)",
                [
                    (
                        event.number,
                        request,
                        each.type,
                        each.user,
                        event.time,
                        event.raw,
                        event.overlay,
                        event.changes,
                    )
                    for each, event in zip(counted, effects.events, strict=True)
                ],
            )
            self._event_index.add(effects.events[0].number, len(effects.events))
            self._counters.add(counted)
            self._subscriptions.add(counted)
            self._platforms.add(event.sent for event in effects.events)
        self._seen.put(dict.fromkeys(effects.fingerprints, int(now * 1_000)))
        self._owners.put(
            {mark: user.current.number for mark, user in effects.owners.items()},
        )
        self._user_table.put(effects.users, effects.names)
        self._user_list.add(effects)
        new_ids = sum(kind is NameKind.USER_ID for _, kind, _ in effects.names)
        if new_ids:
            self._connection.execute(
                "UPDATE sizes SET user_ids = user_ids + ?", (new_ids,)
            )
        self._shared_ids.add(effects.sharings, effects.nami_users)
        if effects.active:
            self._connection.execute(
                "UPDATE totals SET active = active + ?",
                (effects.active,),
            )
        self._prune(now)

    def log(self, entry: LoggedRequest, stored: int) -> None:
        """Store a line of the request log, for which so many events were stored."""
        self._log.add(
            entry, first_event=self._last_event - stored + 1, users=self._last_user
        )

    def prune_bodies(self) -> None:
        """Delete the bodies of all but the newest refused requests."""
        self._log.prune_bodies()

    def _join(self, joined: list[User]) -> None:
        """Merge anonymous devices into the users they turned out to be."""
        for user in joined:
            old, new = user.number, user.current.number
            types = self._types.get(user.project, {})
            self._event_index.reassign(
                old, new, [number for number, _ in types.values()]
            )
            self._counters.order.join(old, new)
            self._subscriptions.join(old, new)
            self._user_table.join(user)
            self._user_list.join(old, new)

    def _counted(self, event: NewEvent) -> CountedEvent:
        types = self._types.setdefault(event.project, {})
        known = types.get(event.event_type) or self._new_type(event)
        return CountedEvent(
            event.number,
            known[0],
            event.event_type,
            event.kind,
            event.user.current.number,
            event.time,
            event.sent,
        )

    def _new_type(self, event: NewEvent) -> tuple[int, Kind]:
        cursor = self._connection.execute(
            "INSERT INTO types VALUES (NULL, ?, ?, ?)",
            (event.project, event.event_type, event.kind),
        )
        known = cursor.lastrowid or 0, event.kind
        self._types[event.project][event.event_type] = known
        return known

    def _prune(self, now: float) -> None:
        """Delete, once an hour, insert ids that are too old to count."""
        if abs(now - self._pruned) < _PRUNE_SECONDS:
            return
        self._connection.execute(
            "DELETE FROM seen WHERE value < ?",
            ((now - limits.DEDUPLICATION_SECONDS) * 1_000,),
        )
        self._pruned = now
