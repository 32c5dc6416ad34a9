"""Opens a SQLite file for erasing: alone, and so that what is deleted leaves no trace.

A deleted row stays in the file: in free pages, in gaps of other pages, and in the
write-ahead log. `secure_delete` overwrites what is deleted from now on. The log is
merged and removed, and the file is written anew (`VACUUM`), because earlier deletions
and moved rows have left copies.
"""

from __future__ import annotations

import contextlib
import sqlite3
import typing as t

from target_amplitude_nami.errors import OutputUnwritable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

_CHUNK: t.Final = 1 << 20


class ExclusiveFile:
    """A SQLite file that no other connection has open while this one has.

    Nothing is committed before `commit`, or `keep`.
    """

    def __init__(self, path: Path, *, busy: str) -> None:
        """Open the file, which must exist.

        Args:
            path: The file.
            busy: What to say when somebody else has it open.

        Raises:
            OutputUnwritable: When somebody has, or it cannot be used.
        """
        self._path = path
        self._busy = busy
        with self._explained():
            self.connection: t.Final = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw",
                uri=True,
                isolation_level=None,
                timeout=0,
            )
            try:
                self._take()
            except BaseException:
                self.connection.close()
                raise

    def rows(self, statement: str, *values: object) -> list[t.Any]:
        """Return the rows that a statement yields."""
        with self._explained():
            return self.connection.execute(statement, values).fetchall()

    def run(self, statement: str, *values: object) -> int:
        """Execute a statement; return how many rows it changed."""
        with self._explained():
            return self.connection.execute(statement, values).rowcount

    def perform(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Return what work on the connection returns, its errors explained."""
        with self._explained():
            return work(self.connection)

    def keep(self) -> None:
        """Commit what was done so far, and go on; traces of it may stay."""
        with self._explained():
            self.connection.execute("COMMIT")
            self.connection.execute("BEGIN EXCLUSIVE")

    def commit(self, *, ids: Iterable[str], has_deleted: bool) -> None:
        """Commit, and leave no trace of what was deleted, now or before.

        Args:
            ids: If nothing was deleted now, the file is written anew where it has free
                pages or bytes of these: the last attempt may have failed.
            has_deleted: Whether anything was deleted.
        """
        with self._explained():
            execute = self.connection.execute
            execute("COMMIT")
            [has_free_pages] = execute("PRAGMA freelist_count").fetchone()
            if has_deleted or has_free_pages or holds_any(self._path, ids):
                execute("VACUUM")

    def close(self) -> None:
        """Close the file as it was opened; what was not committed is taken back."""
        with contextlib.suppress(sqlite3.Error):
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            self.connection.execute("PRAGMA locking_mode = NORMAL")
            self.connection.execute(f"PRAGMA journal_mode = {self._journal_mode}")
            self.connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        self.connection.close()

    def _take(self) -> None:
        execute = self.connection.execute
        [self._journal_mode] = execute("PRAGMA journal_mode").fetchone()
        execute("PRAGMA secure_delete = ON").fetchone()
        execute("PRAGMA locking_mode = EXCLUSIVE").fetchone()
        # Merges and removes the write-ahead log; fails while anybody else has it open.
        # A journal would keep what was deleted until the end, were it not truncated.
        execute("PRAGMA journal_mode = TRUNCATE").fetchone()
        execute("BEGIN EXCLUSIVE")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                raise OutputUnwritable(f"{self._path} {self._busy}") from error
            if name == "SQLITE_FULL":
                raise OutputUnwritable(
                    f"{self._path} cannot be written (disk full): free as much space "
                    f"as it takes, there and in the folder for temporary files"
                ) from error
            raise OutputUnwritable(f"{self._path} cannot be used ({error})") from error


_T = t.TypeVar("_T")


def holds_any(path: Path, ids: Iterable[str]) -> bool:
    """Return whether a file has the bytes of an id anywhere.

    Raises:
        OutputUnwritable: When it cannot be read.
    """
    wanted = [each.encode("utf-8", "surrogatepass") for each in ids]
    overlap = max(map(len, wanted), default=1) - 1
    try:
        with path.open("rb") as file:
            before = b""
            while chunk := file.read(_CHUNK):
                text = before + chunk
                if any(each in text for each in wanted):
                    return True
                before = text[-overlap:] if overlap else b""
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be read ({error.strerror})") from error
    return False
