"""The memory's SQLite file: its form, and every statement that reads or writes it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import typing as t

from target_amplitude_nami.errors import MemoryUnusable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_APPLICATION: t.Final = 0x4E616D69  # "Nami", so that no other file is taken for one
_VERSION: t.Final = 1
_CACHE_KIB: t.Final = 32_000
_CHECKPOINT_PAGES: t.Final = 10_000

_TABLES: t.Final = """
CREATE TABLE users (id TEXT NOT NULL UNIQUE, known TEXT NOT NULL);
CREATE TABLE delivered (id TEXT PRIMARY KEY, day INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE purges (day INTEGER PRIMARY KEY);
CREATE TABLE held (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    since INTEGER NOT NULL,
    stream BLOB NOT NULL,
    line BLOB NOT NULL,
    record BLOB NOT NULL
);
CREATE INDEX held_by_user ON held (user, number);
CREATE TABLE owners (id TEXT PRIMARY KEY, user TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE oddities (
    kind TEXT, value TEXT, user TEXT, other TEXT NOT NULL,
    PRIMARY KEY (kind, value, user)
) WITHOUT ROWID;
"""


class MemoryFile:
    """The open file. What is written is seen at once, and survives with `commit`.

    Not for several threads at once: `Memory` has the lock. What concerns many rows is
    one statement, its rows in a JSON text: SQLite then works outside the interpreter's
    lock, which a lane would otherwise have to win back for every row.
    """

    def __init__(self, path: Path | None) -> None:
        """Open the file; make it if it is missing.

        Args:
            path: The file; None: a temporary one that SQLite keeps in RAM while it is
                small and that is gone when the process is.

        Raises:
            MemoryUnusable: When it is something else, damaged, or of a newer version.
        """
        self._name = "(temporary)" if path is None else str(path)
        with self._explained():
            if path is not None:
                path.touch(mode=0o600)
            self._connection = sqlite3.connect(
                path or "", isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(is_lasting=path is not None)
                self.run("BEGIN")
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        self._connection.close()

    def commit(self) -> None:
        """Make everything written survive a crash."""
        self.run("COMMIT")
        self.run("BEGIN")

    def rows(self, statement: str, *values: object) -> list[t.Any]:
        """Return the rows that a statement yields."""
        with self._explained():
            return self._connection.execute(statement, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """Execute a statement; return how many rows it changed."""
        with self._explained():
            return self._connection.execute(statement, values).rowcount

    def _prepare(self, *, is_lasting: bool) -> None:
        [[application]] = self.rows("PRAGMA application_id")
        [[version]] = self.rows("PRAGMA user_version")
        [[tables]] = self.rows("SELECT count(*) FROM sqlite_master")
        if application != _APPLICATION and (application or version or tables):
            raise self._unusable("it is another program's")
        if version > _VERSION:
            raise self._unusable(
                f"a newer version of this target wrote it (in form {version}; this one "
                f"knows {_VERSION}): upgrade the target"
            )
        # What STATE covers must survive the machine; a temporary file survives nothing.
        self.rows(f"PRAGMA journal_mode = {'WAL' if is_lasting else 'OFF'}")
        self.run(f"PRAGMA synchronous = {'FULL' if is_lasting else 'OFF'}")
        self.run(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self.rows(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        if version < _VERSION:
            self.run("BEGIN")
            for table in _TABLES.split(";"):
                self.run(table)
            self.run(f"PRAGMA application_id = {_APPLICATION}")
            self.run(f"PRAGMA user_version = {_VERSION}")
            self.run("COMMIT")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(str(error)) from error

    def _unusable(self, why: str) -> MemoryUnusable:
        return MemoryUnusable(
            f"The memory file {self._name} cannot be used: {why}. Nothing in it was "
            f"overwritten. Restore it from a backup, or choose another `memory_path`; "
            f"a new one knows nothing, so events sent before may be sent again"
        )


def lock(path: Path) -> Callable[[], None]:
    """Keep other runs from using a memory file; return how to let go of it.

    Raises:
        MemoryUnusable: When another run uses it, or the folder cannot be written.
    """
    descriptor = -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise MemoryUnusable(
            f"The memory file {path} is in use by another run: wait for that to end, "
            f"and give each integration a `memory_path` of its own"
        ) from error
    except OSError as error:
        raise MemoryUnusable(
            f"The memory file {path} cannot be made ({error.strerror}): mend the disk "
            f"or choose another `memory_path`"
        ) from error
    return lambda: os.close(descriptor)


def json_array(texts: Iterable[str]) -> str:
    """Return a JSON array of texts in which nothing needs escaping."""
    joined = '","'.join(texts)
    return f'["{joined}"]' if joined else "[]"
