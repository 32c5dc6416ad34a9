"""The memory of one run: its parts together, and when they are written."""

from __future__ import annotations

import threading
import time
import typing as t
from collections import deque

import msgspec

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.store.cached_table import CachedTable
from target_amplitude_nami.store.delivered import Delivered
from target_amplitude_nami.store.file import open_files
from target_amplitude_nami.store.held import HeldRecords
from target_amplitude_nami.store.id_conflicts import IdConflicts
from target_amplitude_nami.store.model import StoreFigures
from target_amplitude_nami.store.profiles import NEVER_SENT, UNKNOWN_USER
from target_amplitude_nami.store.projects import number_of, salt_of
from target_amplitude_nami.store.rejected import RejectPlaces

if t.TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )
    from pathlib import Path

    from target_amplitude_nami.outcomes import DedupKey, Occurrence, Project, SentEvent
    from target_amplitude_nami.store.model import Held, RejectPlace

_MOST_UNWRITTEN: t.Final = 20_000
_MOST_BYTES_UNWRITTEN: t.Final = 8_000_000
"""Before they are committed. In a temporary file, which never waits for the disk, half
of it."""
_MOST_BYTES_OF_USERS: t.Final = 20_000_000
_MOST_BYTES_OF_TOLD: t.Final = 12_000_000
"""In RAM: facts of some 50,000 users. Others are looked up in the file."""
_SECONDS_PER_DAY: t.Final = 86_400


class SqliteStore:
    """The memory of one run.

    One thread looks up and learns; any thread may ask for delivered events, settle,
    invalidate and commit.
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
        """Open nothing yet.

        Args:
            path: `memory_path`; None: remember within this run only.
            days: How long delivered events are remembered.
            projects: What names each Amplitude project that events go to: what another
                one has, or was told, does not count here.
            begins_anew: Whether the projects have nothing any more, whatever is known
                of them.
            forgets: Leave the file as it was: what is learnt goes with the run.
        """
        self.run: t.Final = time.time_ns()
        """A number that no other run has."""
        self._path = path
        self._days = days
        self._day = int(time.time()) // _SECONDS_PER_DAY
        self._forgets = forgets and path is not None
        self._lock = threading.Lock()  # of the connection that writes
        self._oddities = IdConflicts()
        self.claim: t.Final = self._oddities.claim
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
                most_bytes=_MOST_BYTES_OF_TOLD // len(projects),
                is_lasting=is_lasting,
            )
            for project in projects
        }
        """What was told in each project, by user id or device id."""
        self._delivered = {project: Delivered() for project in projects}
        self._invalidated: deque[tuple[Project, str, DedupKey]] = deque()
        self._damage: StoreUnusable | None = None
        """What was found by who could not end the run."""
        self._is_open = False
        self._is_dirty = False

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
            self._rejects = RejectPlaces(self._file, self._day)
            self._purge()
            self.users.open(self._files.reading)
            for project, name in self._projects.items():
                self._open_project(project, name)
            if self._begins_anew and not self._forgets:
                # Before anything is delivered: what a crash leaves is no old project.
                self._file.commit()
            self._held = HeldRecords(self._file)
        except BaseException:
            self._files.close()
            raise
        self._is_open = True

    def _open_project(self, project: Project, name: str) -> None:
        number = number_of(self._file, name, begins_anew=self._begins_anew)
        self.sent_states[project].open(self._files.reading, salt_of(number))
        self._delivered[project].open(self._file, self._files.reading, number)

    @property
    def wants_commit(self) -> bool:
        """Whether so much was learnt that it should not all stay in RAM."""
        most_bytes = max(shelf.bytes_unwritten for shelf in self._shelves)
        most = max(
            self._oddities.unwritten,
            *(delivered.unwritten for delivered in self._delivered.values()),
        )
        share = 2 if self._path is None else 1
        return (
            most_bytes > _MOST_BYTES_UNWRITTEN // share
            or most > _MOST_UNWRITTEN // share
        )

    def commit(self, first: Callable[[], None] = lambda: None) -> None:
        """Make all that was learnt and noted survive a crash.

        Without a `memory_path` nothing survives: there it only keeps RAM flat.

        Args:
            first: Makes safe what must be safe before: no thread settles meanwhile.

        Raises:
            StoreUnusable: When the disk does not take it.
        """
        if self._path is None and not self.wants_commit:
            return
        with self._lock:
            if self._is_open:
                first()
                self._commit()
                if self._damage is not None:
                    raise self._damage

    def damaged(self) -> StoreUnusable:
        """Return what to raise for something that was never kept like that."""
        return self._file.damaged()

    def close(self) -> None:
        """Close the file; what was not committed is forgotten."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                self._files.close()

    def figures(self) -> StoreFigures:
        """Return what the report says of the memory."""
        with self._lock:
            if not self._is_open:
                return StoreFigures()
            try:
                self._write()
                sql = "SELECT kind, count(*) FROM oddities GROUP BY kind"
                kinds = self._file.rows_of(tuple[str, int], sql)
                named = self._oddities.named(self._file, (kind for kind, _ in kinds))
                since = self._held.oldest()
            except StoreUnusable as error:  # the next commit tells it
                self._damage = error
                return StoreFigures(self._held.waiting)
        return StoreFigures(self._held.waiting, since, dict(kinds), named)

    @property
    def waiting(self) -> int:
        """How many records are held."""
        return self._held.waiting if self._is_open else 0

    # Ids

    def note_second_external_id(self, user_id: str, first: str, second: str) -> None:
        """Note that a Nami user has two External IDs."""
        self._oddities.note_second_external_id(user_id, first, second)

    # Delivered events

    @property
    def is_all_in_ram(self) -> bool:
        """Whether `prepare` has nothing to look up."""
        return all(shelf.is_all_in_ram for shelf in self._shelves) and not any(
            delivered.remembers_runs for delivered in self._delivered.values()
        )

    def prepare(self, targets: Collection[str], keys: Collection[DedupKey]) -> None:
        """Look up in one go what the next records will ask for.

        Args:
            targets: The user ids and device ids that Amplitude may be told of.
            keys: Of the events that may have been delivered in an earlier run.
        """
        for told in self.sent_states.values():
            told.prepare(targets)
        for delivered in self._delivered.values():
            delivered.prepare(keys)

    def delivered_before(self, project: Project, key: DedupKey) -> Occurrence | None:
        """Return the event of an earlier run that has a key; quick if prepared."""
        return self._delivered[project].before(key)

    def invalidate(self, project: Project, target: str, key: DedupKey) -> None:
        """Take note that an event told nothing: it was refused, or there before."""
        self._invalidated.append((project, target, key))

    def apply_invalidations(self) -> None:
        """Forget that a state was told, where Amplitude refused what told it last.

        Its key stays: what comes next is no copy of what was told before.
        """
        while self._invalidated:
            project, target, key = self._invalidated.popleft()
            told = self.sent_states[project].get(target)
            if told.key == key:
                doubtful = msgspec.structs.replace(told, said=None)
                self.sent_states[project].put(target, doubtful)

    def delivered_among(
        self, project: Project, keys: Sequence[DedupKey]
    ) -> dict[DedupKey, Occurrence]:
        """Return the events that were delivered, where they have one of the keys."""
        with self._lock:
            return self._delivered[project].among(keys)

    def settle(
        self, project: Project, marks: Iterable[SentEvent], held: Sequence[int]
    ) -> None:
        """Remember events as delivered, and forget held records that are settled."""
        with self._lock:
            self._delivered[project].add(marks)
            if held:
                self._is_dirty = True
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
        with self._lock:
            self._is_dirty = True
            return self._held.keep(user_id, stream, line, record, is_of_now=is_of_now)

    def forget_held(self, number: int) -> None:
        """Forget a held record that is settled."""
        with self._lock:
            self._is_dirty = True
            self._held.forget([number])

    def held_of(self, user_id: str) -> Iterator[Held]:
        """Yield a user's held records in the order held."""
        return self._pages(lambda after: self._held.of_user(user_id, after))

    def held_of_identified_users(self) -> Iterator[Held]:
        """Yield the held records whose user's External ID is known meanwhile."""
        return self._pages(self._held.of_named_users)

    def all_held(self) -> Iterator[Held]:
        """Yield all held records."""
        return self._pages(self._held.of_all)

    def _pages(self, page: Callable[[int], list[Held]]) -> Iterator[Held]:
        after = 0
        while self._held.waiting:
            with self._lock:
                held = page(after)
            if not held:
                return
            yield from held
            after = held[-1].number

    # Rejects

    def find_reject(self, key: bytes) -> RejectPlace | None:
        """Return where an earlier run wrote a record into the rejects file."""
        with self._lock:
            if self._path is None or not self._is_open:
                return None
            return self._rejects.find(key)

    def note_reject(self, key: bytes, place: RejectPlace) -> None:
        """Remember where a record was written into the rejects file."""
        with self._lock:
            if self._path is not None and self._is_open:
                self._is_dirty = True
                self._rejects.note(key, place)

    # The file, under the lock

    def _purge(self) -> None:
        """Forget the events of long ago, once a day."""
        if self._file.run("INSERT OR IGNORE INTO purges VALUES (?)", self._day):
            self._file.run("DELETE FROM purges WHERE day < ?", self._day)
            self._file.run(
                "DELETE FROM delivered WHERE day < ?", self._day - self._days
            )
            self._rejects.forget_before(self._day - self._days)
            self._is_dirty = True

    @property
    def _shelves(self) -> tuple[CachedTable[t.Any], ...]:
        return (self.users, *self.sent_states.values())

    def _write(self) -> None:
        self._is_dirty |= self._oddities.write(self._file)
        for shelf in self._shelves:
            self._is_dirty |= shelf.write(self._file)
        for delivered in self._delivered.values():
            self._is_dirty |= delivered.write(self._day)

    def _commit(self) -> None:
        self._write()
        if self._is_dirty and not self._forgets:
            self._file.commit()
            self._is_dirty = False
        for shelf in self._shelves:
            shelf.note_written()
