"""Looks into a memory file that a run may be using: no lock, no write, no new file."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import struct
import tempfile
import typing as t
from dataclasses import dataclass
from pathlib import Path

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.store.file import APPLICATION
from target_amplitude_nami.store.lock import BYTE
from target_amplitude_nami.store.schema import FORM, OLDEST_FORM

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ATTEMPTS: t.Final = 3
_MOST_SECONDS_LOCKED: t.Final = 5.0

_T = t.TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StoreContents:
    """What a memory file holds, as of the last commit."""

    form: int
    """That of its schema; 0 for a file that has nothing yet."""
    users: int = 0
    held: int = 0
    held_since: int | None = None
    """When the oldest of them was put there, ms since 1970."""
    delivered: int = 0
    delivered_since: int | None = None
    """When the first of these was delivered, ms since 1970."""
    delivered_until: int | None = None

    @property
    def is_of_this_version(self) -> bool:
        """Whether a run takes the file as it is; else the figures are not read."""
        return self.form in {0, FORM}


def is_in_use(path: Path) -> bool:
    """Return whether a run has locked a memory file; ask without taking the lock."""
    try:
        descriptor = os.open(os.path.realpath(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _is_locked(descriptor)
    finally:
        os.close(descriptor)


def inspect(path: Path) -> StoreContents:
    """Return what a memory file holds; older forms are not brought to this one.

    Args:
        path: A file that exists.

    Raises:
        StoreUnusable: When it is damaged, another program's, of a newer version, or of
            one too old to be read, or cannot be read at all.
    """
    return _read(path, lambda connection: _contents(path, connection))


def snapshot(path: Path, copy: Path) -> None:
    """Copy a memory file as of the last commit, also while a run goes on writing.

    Args:
        path: A file that exists.
        copy: The new file, for its owner alone.

    Raises:
        StoreUnusable: When it cannot be used, see `inspect`, or not be copied.
    """

    def read(connection: sqlite3.Connection) -> None:
        _form_of(path, connection)
        copy.unlink(missing_ok=True)
        os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with contextlib.closing(sqlite3.connect(copy)) as into:
            try:
                connection.backup(into)
            except sqlite3.OperationalError as error:
                if "full" not in str(error):
                    raise
                raise StoreUnusable(
                    f"The memory file {path} cannot be copied to {copy.parent} "
                    f"({error}): free disk space there, or name another folder in "
                    f"the environment variable TMPDIR"
                ) from error

    _read(path, read)


def _contents(path: Path, connection: sqlite3.Connection) -> StoreContents:
    form = _form_of(path, connection)
    if form != FORM:
        return StoreContents(form)
    [users] = connection.execute("SELECT count(*) FROM users").fetchone()
    held, since = connection.execute("SELECT count(*), min(since) FROM held").fetchone()
    delivered, first, last = connection.execute(
        "SELECT count(*), min(delivered_time), max(delivered_time) FROM delivered"
    ).fetchone()
    return StoreContents(form, users, held, since, delivered, first, last)


def _form_of(path: Path, connection: sqlite3.Connection) -> int:
    """Return the form of a file.

    Raises:
        StoreUnusable: When no run of this version can use it.
    """
    [application] = connection.execute("PRAGMA application_id").fetchone()
    [form] = connection.execute("PRAGMA user_version").fetchone()
    [tables] = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION:
        if application or form or tables:
            raise _unusable(path, "another program made it")
        return 0
    if form > FORM:
        raise _unusable(
            path,
            f"a newer version of this target wrote it (in form {form}; this one knows "
            f"{FORM}): upgrade the target",
        )
    if form < OLDEST_FORM:
        raise _unusable(
            path,
            f"it has form {form}, from before the first release, and this target knows "
            f"{FORM}",
        )
    return int(form)


def _read(path: Path, read: Callable[[sqlite3.Connection], _T]) -> _T:
    """Have a file read, with what is in its write-ahead log.

    Raises:
        StoreUnusable: When SQLite cannot.
    """
    real = Path(os.path.realpath(path))
    try:
        for _ in range(_ATTEMPTS):
            before = _version(real)
            with _open(real) as connection:
                found = read(connection)
            if before is None or before == _version(real):
                return found
        with _connect(real, "mode=ro") as connection:
            return read(connection)
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        if name == "SQLITE_NOTADB":
            raise _unusable(path, "another program made it") from error
        if name.startswith("SQLITE_CORRUPT"):
            raise _unusable(path, f"it is damaged ({error})") from error
        raise _unusable(path, f"{error}") from error
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error


def _version(real: Path) -> tuple[int, int] | None:
    """Return what changes when a file that has no log is written; None with a log."""
    if Path(f"{real}-wal").exists():
        return None
    status = real.stat()
    return status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def _open(real: Path) -> Iterator[sqlite3.Connection]:
    """Open a file for reading in such a way that nothing is made beside it.

    SQLite joins who has the log open. It would make a log where there is none, so a
    file without one is read as one that does not change, and the caller finds out
    whether it did. A log without its index is read in a copy.
    """
    log, index = (Path(f"{real}{suffix}") for suffix in ("-wal", "-shm"))
    if index.exists() and log.exists():
        with _connect(real, "mode=ro") as connection:
            yield connection
    elif not log.exists() or not log.stat().st_size:
        with real.open("rb"):  # SQLite does not say why it cannot
            pass
        with _connect(real, "mode=ro&immutable=1") as connection:
            yield connection
    else:
        with tempfile.TemporaryDirectory(prefix="target-amplitude-nami-") as folder:
            copy = Path(folder) / "memory.db"
            shutil.copyfile(real, copy)
            shutil.copyfile(log, f"{copy}-wal")
            with _connect(copy, "mode=rw") as connection:
                yield connection


@contextlib.contextmanager
def _connect(real: Path, options: str) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(
        sqlite3.connect(
            f"{real.absolute().as_uri()}?{options}",
            uri=True,
            timeout=_MOST_SECONDS_LOCKED,
            isolation_level=None,
        )
    ) as connection:
        # All figures are as of one moment.
        connection.execute("BEGIN")
        yield connection


def _is_locked(descriptor: int) -> bool:
    if not hasattr(fcntl, "F_OFD_GETLK"):  # pragma: no cover - not on Linux
        return False
    asked = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, BYTE, 1, 0)
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, asked)
    return bool(struct.unpack_from("h", answer)[0] != fcntl.F_UNLCK)


def _unusable(path: Path, why: str) -> StoreUnusable:
    return StoreUnusable(
        f"The memory file {path} cannot be used: {why}. Restore it from a backup, or "
        f"choose another `memory_path`; a new one knows nothing, so events sent before "
        f"may be sent again"
    )
