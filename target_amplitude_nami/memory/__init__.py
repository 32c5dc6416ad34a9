"""What is remembered of earlier records: users, delivered events, held records.

All of it is in one SQLite file, at `memory_path` or else a temporary one, so that both
are the same code and RAM stays flat. What a STATE covers is committed before that STATE
leaves: a crash between the two repeats nothing and loses nothing.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import typing as t

from target_amplitude_nami.memory.file import MemoryFile, json_array, lock
from target_amplitude_nami.memory.keys import key_of, shown, to_bytes
from target_amplitude_nami.memory.known import UNKNOWN, Known, pack, unpack
from target_amplitude_nami.memory.model import (
    DEVICE,
    EXTERNAL_ID,
    SEVERAL_EXTERNAL_IDS,
    Claim,
    Held,
    MemoryFigures,
    Oddity,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "DEVICE",
    "EXTERNAL_ID",
    "SEVERAL_EXTERNAL_IDS",
    "UNKNOWN",
    "Held",
    "Known",
    "Memory",
    "MemoryFigures",
    "Oddity",
]

_CACHED_USERS: t.Final = 20_000
_MOST_CHANGES: t.Final = 5_000
_PAGE: t.Final = 500
_NAMED_ODDITIES: t.Final = 10
_SECONDS_PER_DAY: t.Final = 86_400


class Memory:
    """The memory of one run.

    One thread reads and teaches users; any thread may ask for delivered events.
    """

    def __init__(
        self, path: Path | None, days: int, *, project: str, forgets: bool = False
    ) -> None:
        """Open nothing yet.

        Args:
            path: `memory_path`; None: remember within this run only.
            days: How long delivered events are remembered.
            project: Where events go; what another project has is not delivered here.
            forgets: Leave the file as it was: what is learnt goes with the run.
        """
        self.run: t.Final = time.time_ns()
        """A number that no other run has."""
        self._path = path
        self._days = days
        self._project = hashlib.blake2b(to_bytes(project), digest_size=16).digest()
        self._day = int(time.time()) // _SECONDS_PER_DAY
        self._forgets = forgets
        self._lock = threading.Lock()
        self._young: dict[str, Known] = {}
        self._old: dict[str, Known] = {}
        self._changed: dict[str, Known] = {}
        self._claims: dict[str, Claim] = {}
        self._is_open = False
        self._is_dirty = False
        self._holds = False
        self._has_all_in_ram = False
        """Whether no user is known to the file alone, so that it need not be asked."""

    def open(self) -> None:
        """Open the file; make it if it is missing.

        Raises:
            MemoryUnusable: When it is in use by another run, damaged, of a newer
                version, or something else.
        """
        path = self._path
        self._let_go: Callable[[], None] = (
            (lambda: None) if path is None else lock(path)
        )
        try:
            self._file = MemoryFile(path)
            self._purge()
            [[held]] = self._file.rows("SELECT EXISTS (SELECT 1 FROM held)")
            [[users]] = self._file.rows("SELECT EXISTS (SELECT 1 FROM users)")
        except BaseException:
            self._let_go()
            raise
        self._holds = bool(held)
        self._has_all_in_ram = not users
        self._is_open = True

    def commit(self) -> None:
        """Make all that was learnt and noted survive a crash.

        Raises:
            MemoryUnusable: When the disk does not take it.
        """
        with self._lock:
            if not self._is_open or self._forgets:
                return
            self._write_changes()
            if self._is_dirty:
                self._file.commit()
                self._is_dirty = False

    def close(self) -> None:
        """Close the file; what was not committed is forgotten."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                self._file.close()
                self._let_go()

    def figures(self) -> MemoryFigures:
        """Return what the report says of the memory."""
        with self._lock:
            if not self._is_open:
                return MemoryFigures()
            self._write_changes()
            [[waiting, since]] = self._file.rows(
                "SELECT count(*), min(since) FROM held"
            )
            kinds = self._file.rows("SELECT kind, count(*) FROM oddities GROUP BY kind")
            named = [
                Oddity(*row)
                for kind, _ in kinds
                for row in self._file.rows(
                    "SELECT * FROM oddities WHERE kind = ? LIMIT ?",
                    kind,
                    _NAMED_ODDITIES,
                )
            ]
        return MemoryFigures(waiting, since, dict(kinds), named)

    # Users

    def recall(self, user_id: str) -> Known:
        """Return what is known of a Nami user."""
        known = self._young.get(user_id)
        if known is not None:
            return known
        known = self._old.get(user_id)
        if known is None:
            known = UNKNOWN if self._has_all_in_ram else self._look_up(user_id)
        self._keep(user_id, known)
        return known

    def learn(self, user_id: str, known: Known) -> None:
        """Remember what is known of a Nami user from now on."""
        self._keep(user_id, known)
        with self._lock:
            self._changed[user_id] = known
            if len(self._changed) >= _MOST_CHANGES:
                self._write_changes()

    def claim(self, kind: str, value: str, user_id: str) -> None:
        """Note that an External ID or a device was seen at a Nami user."""
        key = key_of(f"{kind}\0{value}")
        claim = Claim(kind, value, user_id)
        with self._lock:
            first = self._claims.setdefault(key, claim)
            if first.user_id != user_id:
                self._note_oddity(claim, first.user_id)
            elif len(self._claims) >= _MOST_CHANGES:
                self._write_changes()

    def note_second_external_id(self, user_id: str, first: str, second: str) -> None:
        """Note that a Nami user has two External IDs."""
        claim = Claim(SEVERAL_EXTERNAL_IDS, max(first, second), user_id)
        with self._lock:
            self._note_oddity(claim, min(first, second))

    def _note_oddity(self, claim: Claim, other: str) -> None:
        self._is_dirty = True
        self._file.run(
            "INSERT OR IGNORE INTO oddities VALUES (?, ?, ?, ?)",
            claim.kind,
            shown(claim.value),
            shown(claim.user_id),
            shown(other),
        )

    def _look_up(self, user_id: str) -> Known:
        with self._lock:
            known = self._changed.get(user_id)
            if known is not None:
                return known
            rows = self._file.rows(
                "SELECT known FROM users WHERE id = ?", key_of(user_id)
            )
        return unpack(rows[0][0]) if rows else UNKNOWN

    def _keep(self, user_id: str, known: Known) -> None:
        if len(self._young) >= _CACHED_USERS:
            self._has_all_in_ram &= not self._old
            self._old, self._young = self._young, {}
        self._young[user_id] = known

    def _write_changes(self) -> None:
        """Write what was learnt; under the lock."""
        claims, self._claims = self._claims, {}
        changed, self._changed = self._changed, {}
        if changed:
            self._is_dirty = True
            users = pack({key_of(user_id): known for user_id, known in changed.items()})
            self._file.run(
                "INSERT INTO users (id, known) SELECT key, value FROM json_each(?)"
                " WHERE true ORDER BY key"
                " ON CONFLICT (id) DO UPDATE SET known = excluded.known",
                users,
            )
        if claims:
            self._is_dirty = True
            self._write_claims(claims)

    def _write_claims(self, claims: Mapping[str, Claim]) -> None:
        """Give each id to the first who claimed it, and note who else does."""
        owners = json.dumps({key: shown(c.user_id) for key, c in claims.items()})
        self._file.run(
            "INSERT OR IGNORE INTO owners SELECT key, value FROM json_each(?)"
            " ORDER BY key",
            owners,
        )
        for key, owner in self._file.rows(
            "SELECT key, user FROM json_each(?) JOIN owners ON owners.id = key"
            " WHERE user <> value",
            owners,
        ):
            self._note_oddity(claims[key], owner)

    # Delivered events

    def delivered_among(self, insert_ids: Iterable[str]) -> set[str]:
        """Return those of the insert ids whose events were delivered before."""
        keys = {self._delivered_key(name): name for name in insert_ids}
        with self._lock:
            rows = self._file.rows(
                "SELECT id FROM delivered WHERE id IN (SELECT value FROM json_each(?))",
                json_array(keys),
            )
        return {keys[key] for (key,) in rows}

    def settle(self, insert_ids: Iterable[str], held: Sequence[int]) -> None:
        """Remember events as delivered, and forget held records that are settled."""
        keys = json_array(self._delivered_key(name) for name in insert_ids)
        with self._lock:
            self._is_dirty = True
            self._file.run(
                "INSERT OR IGNORE INTO delivered SELECT value, ? FROM json_each(?)"
                " ORDER BY value",
                self._day,
                keys,
            )
            if held:
                self._file.run(
                    "DELETE FROM held WHERE number IN (SELECT value FROM json_each(?))",
                    json.dumps(list(held)),
                )

    def _delivered_key(self, insert_id: str) -> str:
        return key_of(insert_id, self._project)

    def _purge(self) -> None:
        """Forget the events of long ago, once a day."""
        if self._file.run("INSERT OR IGNORE INTO purges VALUES (?)", self._day):
            self._file.run("DELETE FROM purges WHERE day < ?", self._day)
            self._file.run(
                "DELETE FROM delivered WHERE day < ?", self._day - self._days
            )
            self._is_dirty = True

    # Held records

    def hold(self, user_id: str, stream: str, line: bytes, record: bytes) -> bool:
        """Keep a record that waits; return False when the same is kept already."""
        with self._lock:
            self._is_dirty = self._holds = True
            return bool(
                self._file.run(
                    "INSERT OR IGNORE INTO held (id, user, since, stream, line, record)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    hashlib.sha256(record).hexdigest(),
                    key_of(user_id),
                    int(time.time()),
                    to_bytes(stream),
                    line,
                    record,
                )
            )

    def held_of(self, user_id: str) -> Iterator[Held]:
        """Yield a user's held records in the order held."""
        if self._holds:
            yield from self._pages("FROM held WHERE user = ?", key_of(user_id))

    def held_of_named_users(self) -> Iterator[Held]:
        """Yield the held records whose user's External ID is known meanwhile."""
        if self._holds:
            yield from self._pages(
                "FROM held JOIN users ON users.id = held.user"
                " WHERE json_extract(users.known, '$.external_id') IS NOT NULL"
            )

    def all_held(self) -> Iterator[Held]:
        """Yield all held records."""
        if self._holds:
            yield from self._pages("FROM held WHERE 1")

    def _pages(self, origin: str, *values: object) -> Iterator[Held]:
        number = 0
        while True:
            with self._lock:
                rows = self._file.rows(
                    f"SELECT number, stream, line, record {origin} AND number > ?"
                    " ORDER BY number LIMIT ?",
                    *values,
                    number,
                    _PAGE,
                )
            for number, stream, line, record in rows:
                yield Held(
                    number, stream.decode("utf-8", "surrogatepass"), line, record
                )
            if len(rows) < _PAGE:
                return
