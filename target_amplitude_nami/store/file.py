"""Connects to the store's SQLite file, and explains its errors."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import threading
import typing as t

import msgspec

from target_amplitude_nami.errors import StoreUnusable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from target_amplitude_nami.store.schema import Schema

APPLICATION: t.Final = 0x4E616D69  # "Nami", so that no other file is taken for one
_READING_CACHE_KIB: t.Final = 1_000
_WRITING_CACHE_KIB: t.Final = 8_000
"""A commit touches most pages of the tables that are looked up by hashes and ids."""
_TEMPORARY_CACHE_KIB: t.Final = 4_000
"""More would hardly be faster: what leaves it is in the system's own cache."""
_CHECKPOINT_PAGES: t.Final = 10_000
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

_DAMAGED: t.Final = ("SQLITE_CORRUPT", "SQLITE_ERROR", "SQLITE_CONSTRAINT")
"""What SQLite calls it when the file is broken, or lacks a table or a column."""

_Row = t.TypeVar("_Row")


class StoreFile:
    """A connection to the file. What is written survives with `commit`.

    What concerns many rows is one statement; see `values`.
    """

    def __init__(
        self,
        path: Path,
        schema: Schema,
        *,
        is_lasting: bool,
        is_for_writing: bool = False,
        named: Path | None = None,
    ) -> None:
        """Open the file; make it if it is missing.

        Args:
            path: The file.
            schema: The form that it must have, or is brought to.
            is_lasting: Whether what is committed survives the machine.
            is_for_writing: Whether this is the connection that writes much.
            named: The file as the user calls it, for messages.

        Raises:
            StoreUnusable: When it is something else, damaged, or of a newer version.
        """
        self._path = named or path
        self._is_lasting = is_lasting
        self._cache_kib = _WRITING_CACHE_KIB if is_for_writing else _READING_CACHE_KIB
        if not is_lasting:
            self._cache_kib = _TEMPORARY_CACHE_KIB
        self._lock = threading.Lock()
        self._trouble: StoreUnusable | None = None
        with self._explained():
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(schema)
            except BaseException:
                self._connection.close()
                raise

    def begin(self) -> None:
        """Begin a transaction: what follows is committed as a whole, or not at all."""
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
        with self._lock, self._explained():
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
        with self._lock, self._explained():
            return self._connection.execute(statement, values).rowcount

    def damaged(self) -> StoreUnusable:
        """Return the error to raise for a damaged row."""
        return self._unusable("it is damaged")

    def _prepare(self, schema: Schema) -> None:
        [[application]] = self.rows("PRAGMA application_id")
        [[form]] = self.rows("PRAGMA user_version")
        [[tables]] = self.rows("SELECT count(*) FROM sqlite_master")
        if application != APPLICATION and (application or form or tables):
            raise self._unusable("another program made it")
        if form > schema.form:
            raise self._unusable(
                f"a newer version of this target wrote it (in form {form}; this one "
                f"knows {schema.form}): upgrade the target"
            )
        if application == APPLICATION and form < schema.oldest_form:
            raise self._unusable(
                f"it has form {form}, from before the first release, and this target "
                f"knows {schema.form}"
            )
        # What STATE covers must survive the machine; a temporary file survives nothing.
        self.rows(f"PRAGMA journal_mode = {'WAL' if self._is_lasting else 'OFF'}")
        self.run(f"PRAGMA synchronous = {'FULL' if self._is_lasting else 'OFF'}")
        self.run(f"PRAGMA cache_size = -{self._cache_kib}")
        self.rows(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        for next_form, script in schema.scripts_from(form):
            with self._lock:
                self._connection.executescript(
                    f"BEGIN;{script}\n;PRAGMA application_id = {APPLICATION};"
                    f"PRAGMA user_version = {next_form};COMMIT;"
                )

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
            if isinstance(error, sqlite3.OperationalError) and not name:
                return self.damaged()
            is_damage = name.startswith(_DAMAGED)
            return self._unusable(
                f"it is damaged ({error})" if is_damage else f"{error}"
            )
        why = _CANNOT_WRITE[name]
        return StoreUnusable(
            f"The memory file {self._path} cannot be written ({why or error}): "
            f"{'free disk space' if why else 'fix that'} and run again; nothing is lost"
        )

    def _unusable(self, why: str) -> StoreUnusable:
        if not self._is_lasting:
            return StoreUnusable(
                f"The run's temporary file cannot be used: {why}. Free disk space in "
                f"the folder {self._path.parent.parent}, or name another folder in "
                f"the environment variable TMPDIR"
            )
        return StoreUnusable(
            f"The memory file {self._path} cannot be used: {why}. Nothing in it was "
            f"overwritten. Restore it from a backup, or choose another `memory_path`; "
            f"a new one knows nothing, so events sent before may be sent again"
        )


@dataclasses.dataclass(frozen=True, slots=True)
class Files:
    """Connections to one file, so that reading need not wait for writing."""

    writing: StoreFile
    reading: StoreFile
    """Sees what was committed; for the thread that reads records."""
    looking_up: StoreFile
    """Sees what was committed; for all other threads."""
    let_go: Callable[[], None]

    @property
    def is_one(self) -> bool:
        """Whether all is read by the connection that writes: nothing is committed."""
        return self.reading is self.writing

    def close(self) -> None:
        """Close all; what was not committed is gone."""
        self.looking_up.close()
        self.reading.close()
        self.writing.close()
        self.let_go()
