"""Implements the store protocol with a SQLite file."""

from __future__ import annotations

import threading
import time
import typing as t

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.store.cached_table import CachedTable
from target_amplitude_nami.store.calendar import Calendar
from target_amplitude_nami.store.committer import Committer
from target_amplitude_nami.store.delivered import Delivered
from target_amplitude_nami.store.delivered_rows import LastingRows, RowsOfRun
from target_amplitude_nami.store.held import HeldRecords
from target_amplitude_nami.store.id_conflicts import IdConflicts
from target_amplitude_nami.store.invalidations import Invalidations
from target_amplitude_nami.store.model import StoreFigures
from target_amplitude_nami.store.opening import open_files
from target_amplitude_nami.store.profiles import NEVER_SENT, UNKNOWN_USER
from target_amplitude_nami.store.projects import number_of
from target_amplitude_nami.store.rejected import RejectPlaces
from target_amplitude_nami.store.rows import SentStateRows, UserRows

if t.TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Mapping,
        Sequence,
    )
    from pathlib import Path

    from target_amplitude_nami.outcomes import DedupKey, Occurrence, Project, SentEvent
    from target_amplitude_nami.store.committer import Part
    from target_amplitude_nami.store.model import RejectPlace

_LEAST_IN_TEMPORARY_FILE: t.Final = 0.5
"""The backlog of a part that is worth writing where nothing has to survive."""
_MOST_BYTES_OF_USERS: t.Final = 20_000_000
_MOST_BYTES_OF_SENT_STATES: t.Final = 12_000_000
"""In RAM: rows of some 50,000 users. Others are looked up in the file."""


class SqliteStore:
    """The store of one run: `store.protocol.Store`.

    Changes stay in RAM until they are committed; only who writes waits for the
    disk. A commit decides first what belongs to it, and then writes that, while others
    go on.
    """

    def __init__(
        self,
        path: Path | None,
        days: int,
        *,
        projects: Mapping[Project, str],
        begins_anew: bool = False,
        forgets: bool = False,
    ) -> None:
        """Initialise without opening the file.

        Args:
            path: `memory_path`; None: remember within this run only.
            days: How long delivered events are remembered.
            projects: The name of each Amplitude project that events go to: what another
                one has does not count here.
            begins_anew: Whether the projects have nothing any more, whatever is known
                of them.
            forgets: Leave the file as it was: changes are lost with the run.
        """
        self.run: t.Final = time.time_ns()
        """A number that no other run has."""
        self.warnings: Sequence[str] = ()
        """What the user has to know of the file, once it is open."""
        self._path = path
        self._days = days
        self._forgets = forgets and path is not None
        self._lock = threading.Lock()  # of the connection that writes
        self._conflicts = IdConflicts()
        self.note_owner: t.Final = self._conflicts.note_owner
        self.note_second_external_id: t.Final = self._conflicts.note_second_external_id
        is_lasting = path is not None
        self.users = CachedTable(
            UNKNOWN_USER, most_bytes=_MOST_BYTES_OF_USERS, is_lasting=is_lasting
        )
        """What is known of each Nami user."""
        self._projects = projects
        self._begins_anew = begins_anew
        self.sent_states = {
            project: CachedTable(
                NEVER_SENT,
                most_bytes=_MOST_BYTES_OF_SENT_STATES // len(projects),
                is_lasting=is_lasting,
            )
            for project in projects
        }
        """What was sent of a state in each project, by user id or device id."""
        self._delivered = {project: Delivered() for project in projects}
        self._held = HeldRecords()
        self.held_of: t.Final = self._held.of_user
        self.held_of_identified_users: t.Final = self._held.of_identified_users
        self.all_held: t.Final = self._held.of_all
        invalidations = Invalidations(self.sent_states)
        self.invalidate: t.Final = invalidations.note
        self.apply_invalidations: t.Final = invalidations.apply
        self._damage: StoreUnusable | None = None
        """What was found by who could not end the run."""
        self._is_open = False

    def open(self) -> None:
        """Open the file; make it if it is missing.

        Raises:
            StoreUnusable: When it is in use by another run, damaged, of a newer
                version, or something else.
        """
        if self._forgets and self._path is not None and not self._path.exists():
            self._path, self._forgets = None, False
        self._files = open_files(self._path, reads_uncommitted=self._forgets)
        try:
            self._file = self._files.writing
            calendar = Calendar(self._file)
            calendar.purge(self._days)
            self.warnings = calendar.warnings
            self._rejects = RejectPlaces(self._files)
            self.users.open(self._files.reading, UserRows())
            for project, name in self._projects.items():
                number = number_of(self._file, name, begins_anew=self._begins_anew)
                rows = SentStateRows(number)
                self.sent_states[project].open(self._files.reading, rows)
                self._delivered[project].open(
                    self._files,
                    RowsOfRun(number) if self._path is None else LastingRows(number),
                )
            if (self._begins_anew or calendar.is_dirty) and not self._files.is_one:
                # Who reads sees it at once, and what a crash leaves is no old project.
                self._file.commit()
            self._held.open(self._file, self._files.reading)
            self._conflicts.open(self._file)
            parts: list[Part] = [self._conflicts, self._held, self._rejects]
            parts += [*self._tables, *self._delivered.values()]
            self._committer = Committer(
                self._file, calendar, parts, forgets=self._files.is_one
            )
        except BaseException:
            self._files.close()
            raise
        self._is_open = True

    @property
    def wants_commit(self) -> bool:
        """Whether too many changes are pending to keep them all in RAM."""
        return self._is_open and self._committer.backlog > 1

    def commit(self, first: Callable[[], None] = lambda: None) -> None:
        """Make all changes so far survive a crash.

        Without a `memory_path` nothing survives: there it only keeps RAM flat.

        Args:
            first: Makes safe what must be safe before the changes until now.

        Raises:
            StoreUnusable: When the disk does not take it.
        """
        if self._path is None and not self.wants_commit:
            return
        with self._lock:
            if self._is_open:
                at_least = 0 if self._path is not None else _LEAST_IN_TEMPORARY_FILE
                self._committer.write(first, at_least)
                self._committer.commit()
                if self._damage is not None:
                    raise self._damage

    def damaged(self) -> StoreUnusable:
        """Return the error to raise for a damaged row."""
        return self._file.damaged()

    def close(self) -> None:
        """Close the file; what was not committed is forgotten."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                self._files.close()

    def figures(self) -> StoreFigures:
        """Return the store's figures in the report."""
        with self._lock:
            if not self._is_open:
                return StoreFigures()
            try:
                self._held.take_unwritten()
                self._committer.write_now(self._conflicts.write_found, self._held.write)
                sql = "SELECT kind, count(*) FROM id_conflicts GROUP BY kind"
                kinds = self._file.rows_of(tuple[str, int], sql)
                named = self._conflicts.named(self._file, (kind for kind, _ in kinds))
                since = self._held.oldest(self._file)
            except StoreUnusable as error:  # the next commit raises it
                self._damage = error
                return StoreFigures(self._held.waiting)
        if since is not None:
            since //= 1000
        return StoreFigures(self._held.waiting, since, dict(kinds), named)

    @property
    def waiting(self) -> int:
        """The number of held records."""
        return self._held.waiting if self._is_open else 0

    # Looking up

    @property
    def is_all_in_ram(self) -> bool:
        """Whether `prepare` has nothing to look up."""
        return all(table.is_all_in_ram for table in self._tables) and not any(
            delivered.remembers_runs for delivered in self._delivered.values()
        )

    def prepare(self, targets: Collection[str], keys: Collection[DedupKey]) -> None:
        """Look up in one go what the next records will ask for.

        Args:
            targets: The user ids and device ids whose state may be sent.
            keys: Of the events that may have been delivered in an earlier run.
        """
        for sent in self.sent_states.values():
            sent.prepare(targets)
        for delivered in self._delivered.values():
            delivered.prepare(keys)

    def delivered_before(self, project: Project, key: DedupKey) -> Occurrence | None:
        """Return the event of an earlier run that has a key; quick if prepared."""
        return self._delivered[project].before(key)

    def delivered_among(
        self, project: Project, keys: Sequence[DedupKey]
    ) -> dict[DedupKey, Occurrence]:
        """Return the events that were delivered, where they have one of the keys."""
        return self._delivered[project].among(keys)

    # Outcomes

    def settle(
        self, project: Project, sent: Iterable[SentEvent], held: Sequence[int]
    ) -> None:
        """Remember events as delivered, and forget held records that are settled."""
        self._delivered[project].add(sent)
        if held:
            self._held.forget(held)

    # Held records

    def hold(
        self,
        user_id: str,
        stream: str,
        line: bytes,
        record: bytes,
        *,
        is_of_now: bool = False,
    ) -> bool:
        """Keep a record that waits; see `HeldRecords.keep`."""
        is_new = self._held.keep(user_id, stream, line, record, is_of_now=is_of_now)
        if self._held.backlog_of_new > 1:
            self._commit_held()
        return is_new

    def forget_held(self, number: int) -> None:
        """Forget a held record that is settled."""
        self._held.forget([number])

    # Rejects

    def find_reject(self, key: bytes) -> RejectPlace | None:
        """Return where an earlier run wrote a record into the rejects file."""
        if self._path is None or not self._is_open:
            return None
        return self._rejects.find(key)

    def note_reject(self, key: bytes, place: RejectPlace) -> None:
        """Remember where a record was written into the rejects file."""
        if self._path is not None and self._is_open:
            self._rejects.note(key, place)

    @property
    def _tables(self) -> tuple[CachedTable[t.Any], ...]:
        return (self.users, *self.sent_states.values())

    def _commit_held(self) -> None:
        """Bring held records into the file: nothing else has to be safe before."""
        with self._lock:
            self._held.take_new()
            self._committer.commit_only(self._held)
