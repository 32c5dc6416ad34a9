"""The memory's SQLite file: its form, and every statement that reads or writes it."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import sqlite3
import tempfile
import threading
import typing as t
from pathlib import Path

import msgspec

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.store.lock import lock

if t.TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

_APPLICATION: t.Final = 0x4E616D69  # "Nami", so that no other file is taken for one
_VERSION: t.Final = 4
_CACHE_KIB: t.Final = 2_000
_CHECKPOINT_PAGES: t.Final = 10_000
_ROWS_AT_ONCE: t.Final = 1_000
_CANNOT_WRITE: t.Final = {
    "SQLITE_FULL": "disk full",
    "SQLITE_IOERR_SHMSIZE": "disk full",
    "SQLITE_IOERR_FSYNC": "",
    "SQLITE_IOERR_TRUNCATE": "",
    "SQLITE_IOERR_WRITE": "",
    "SQLITE_READONLY": "",
}
"""What SQLite calls it when the disk takes nothing; a plainer word, where there is one.
"""

_Row = t.TypeVar("_Row")

_TABLES: t.Final = """
CREATE TABLE facts (id TEXT NOT NULL UNIQUE, fact BLOB NOT NULL);
CREATE TABLE projects (number INTEGER PRIMARY KEY, hash BLOB UNIQUE);
CREATE TABLE event_types (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE delivered (
    id BLOB,
    project INTEGER,
    event_type INTEGER NOT NULL,
    time INTEGER,
    day INTEGER NOT NULL,
    PRIMARY KEY (id, project)
) WITHOUT ROWID;
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


class StoreFile:
    """A connection to the file. What is written survives with `commit`.

    What concerns many rows is one statement, its rows in a JSON text: SQLite then works
    outside the interpreter's lock, which a lane would otherwise have to win back for
    every row.
    """

    def __init__(
        self, path: Path, *, is_lasting: bool, named: Path | None = None
    ) -> None:
        """Open the file; make it if it is missing.

        Args:
            path: The file.
            is_lasting: Whether what is committed survives the machine.
            named: The file as the user calls it, for messages.

        Raises:
            StoreUnusable: When it is something else, damaged, or of a newer version.
        """
        self._path = named or path
        self._is_lasting = is_lasting
        self._lock = threading.Lock()
        self._trouble: StoreUnusable | None = None
        with self._explained():
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    def begin(self) -> None:
        """Begin to write: what follows is committed as a whole, or not at all."""
        self.run("BEGIN")

    def close(self) -> None:
        """Close the connection; what was not committed is gone."""
        self._connection.close()

    def commit(self) -> None:
        """Make everything written survive a crash."""
        self.run("COMMIT")
        self.run("BEGIN")

    def rows(self, statement: str, *values: object) -> list[t.Any]:
        """Return the rows that a statement yields."""
        with self._explained(), self._lock:
            return self._connection.execute(statement, values).fetchall()

    def rows_of(self, row: type[_Row], statement: str, *values: object) -> list[_Row]:
        """Return the rows that a statement yields, each of this type.

        SQLite keeps anything in any column, whatever the table says.

        Raises:
            StoreUnusable: When one is of another type, which nobody wrote.
        """
        rows = self.rows(statement, *values)
        try:
            return msgspec.convert(rows, list[row], builtin_types=(bytes,))  # type: ignore[valid-type]
        except msgspec.ValidationError as error:
            raise self.damaged() from error

    def run(self, statement: str, *values: object) -> int:
        """Execute a statement; return how many rows it changed."""
        with self._explained(), self._lock:
            return self._connection.execute(statement, values).rowcount

    def damaged(self) -> StoreUnusable:
        """Return what to raise for a row that nobody wrote like that."""
        return self._unusable("it is damaged")

    def _prepare(self) -> None:
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
        if application == _APPLICATION and version < _VERSION:
            raise self._unusable(
                f"it has form {version}, of before the first release, and this target "
                f"knows {_VERSION}"
            )
        self.rows("PRAGMA journal_mode = WAL")
        # What STATE covers must survive the machine; a temporary file survives nothing.
        self.run(f"PRAGMA synchronous = {'FULL' if self._is_lasting else 'OFF'}")
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
        if self._trouble is not None:
            # SQLite has taken back what was not committed: what came now would stay.
            raise StoreUnusable(*self._trouble.args)
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            self._trouble = self._explain(error)
            raise self._trouble from error

    def _explain(self, error: sqlite3.Error | OSError) -> StoreUnusable:
        name = getattr(error, "sqlite_errorname", "")
        if self._is_lasting and name == "SQLITE_BUSY":
            return StoreUnusable(
                f"The memory file {self._path} is locked by another program: close "
                f"what has it open and run again; nothing is lost"
            )
        if not self._is_lasting or name not in _CANNOT_WRITE:
            # Where text cannot be decoded, Python's message has all of it.
            is_text = isinstance(error, sqlite3.OperationalError) and not name
            return self.damaged() if is_text else self._unusable(str(error))
        why = _CANNOT_WRITE[name]
        return StoreUnusable(
            f"The memory file {self._path} cannot be written ({why or error}): "
            f"{'make room' if why else 'mend the disk'} and run again; nothing is lost"
        )

    def _unusable(self, why: str) -> StoreUnusable:
        if not self._is_lasting:
            return StoreUnusable(
                f"What a run remembers finds no place in the folder for temporary "
                f"files, {self._path.parent.parent} ({why}): make room there, or name "
                f"another folder in the variable TMPDIR"
            )
        return StoreUnusable(
            f"The memory file {self._path} cannot be used: {why}. Nothing in it was "
            f"overwritten. Restore it from a backup, or choose another `memory_path`; "
            f"a new one knows nothing, so events sent before may be sent again"
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Files:
    """Two connections to one file, so that reading need not wait for writing."""

    writing: StoreFile
    reading: StoreFile
    """Sees what was committed; for one thread of its own."""
    let_go: Callable[[], None]

    def close(self) -> None:
        """Close both; what was not committed is gone."""
        self.reading.close()
        self.writing.close()
        self.let_go()


def open_files(path: Path | None, *, reads_uncommitted: bool) -> Files:
    """Open the memory file, or a temporary one that is gone with the process.

    Args:
        path: The file; None: a temporary one.
        reads_uncommitted: Whether nothing will be committed: what reads is then the
            very connection that writes.

    Raises:
        StoreUnusable: When it is in use by another run, damaged, of a newer version,
            or something else.
    """
    if path is None:
        return _open_temporary()
    # SQLite puts its own files beside the file that is meant, not beside a link to it.
    real = Path(os.path.realpath(path))
    with contextlib.ExitStack() as until_failure:
        let_go = lock(path, real)
        until_failure.callback(let_go)
        writing = StoreFile(real, is_lasting=True, named=path)
        until_failure.callback(writing.close)
        reading = writing
        if not reads_uncommitted:
            reading = StoreFile(real, is_lasting=True, named=path)
        writing.begin()
        until_failure.pop_all()
    return Files(writing, reading, let_go)


def _open_temporary() -> Files:
    try:
        with tempfile.TemporaryDirectory(prefix="target-amplitude-nami-") as folder:
            path = Path(folder) / "memory.db"
            writing = StoreFile(path, is_lasting=False)
            reading = StoreFile(path, is_lasting=False)
            writing.begin()
            # The folder goes at once: nothing is left behind, whatever ends the run.
    except OSError as error:
        raise StoreUnusable(
            f"There is no folder for temporary files ({error.strerror}): name one in "
            f"the variable TMPDIR"
        ) from error
    return Files(writing, reading, lambda: None)


def chunks(rows: Collection[_Row]) -> Iterator[list[_Row]]:
    """Yield rows in pieces: SQLite takes a JSON text apart as a whole, in RAM."""
    remaining = iter(rows)
    while chunk := list(itertools.islice(remaining, _ROWS_AT_ONCE)):
        yield chunk


def json_array(texts: Iterable[str]) -> str:
    """Return a JSON array of texts in which nothing needs escaping."""
    joined = '","'.join(texts)
    return f'["{joined}"]' if joined else "[]"
