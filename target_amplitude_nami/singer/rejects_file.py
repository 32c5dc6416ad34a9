"""Rewrites a rejects file as a whole, while runs may append to it.

Two locks. Whoever appends, or replaces the file, holds `flock` on it for that moment.
Whoever rewrites it locks, from reading its first line on, the file that will take its
place: two at once would bring back what the other one took out.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import typing as t
from pathlib import Path

from target_amplitude_nami.errors import InputUnreadable, OutputUnwritable
from target_amplitude_nami.files import give, sync_folder
from target_amplitude_nami.singer.file_locks import appending, is_at, lock_at_once
from target_amplitude_nami.singer.lines import CHUNK_BYTES, lines_of

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@contextlib.contextmanager
def opened_rejects(path: Path) -> Iterator[OpenRejects]:
    """Open a rejects file to read it, whoever else uses it.

    Raises:
        InputUnreadable: When it cannot be read, or is no file.
    """
    with contextlib.ExitStack() as last_things:
        descriptor = _open(path, path)
        last_things.callback(os.close, descriptor)
        yield OpenRejects(path, descriptor)


@contextlib.contextmanager
def locked_rejects(path: Path) -> Iterator[LockedRejects]:
    """Open a rejects file to rewrite it; nobody else can until the end.

    Runs go on appending to it: see `LockedRejects.replace`.

    Args:
        path: The file; a symbolic link to it stays.

    Raises:
        InputUnreadable: When it cannot be read, or is no file.
        OutputUnwritable: When another process rewrites it, or it cannot be replaced.
    """
    with contextlib.ExitStack() as last_things:
        real = Path(os.path.realpath(path))
        os.close(_open(path, real))
        beside = real.with_name(f".{real.name}.rewriting")
        try:
            new = _open_and_lock(beside)
        except BlockingIOError as error:
            raise OutputUnwritable(
                f"{path} is being rewritten by another process: wait for that to end"
            ) from error
        except OSError as error:
            raise _unwritable(path, error) from error
        last_things.callback(os.close, new)
        last_things.callback(_remove, beside, new)
        descriptor = _open(path, real, to_lock=True)
        last_things.callback(os.close, descriptor)
        _expect_mine(path, descriptor)
        yield LockedRejects(path, real, descriptor, beside, new)


class OpenRejects:
    """A rejects file that is open."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Take the file as the user calls it, and open."""
        self.path = path
        self._descriptor = descriptor

    def size(self) -> int:
        """Return how many bytes it has, with no line that is half written.

        Raises:
            OutputUnwritable: When another process does not let go of it.
        """
        try:
            with appending(self._descriptor):
                return os.fstat(self._descriptor).st_size
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def lines(self, size: int) -> Iterator[bytes]:
        """Yield its lines with their ends; the last one may lack its end.

        Args:
            size: How many bytes of it to read.

        Raises:
            InputUnreadable: When it cannot be read.
        """
        for lines in lines_of(_chunks(self._descriptor, size, self.path)):
            yield from lines


class LockedRejects(OpenRejects):
    """A rejects file that nobody else rewrites."""

    def __init__(
        self, path: Path, real: Path, descriptor: int, beside: Path, new: int
    ) -> None:
        """Take what `locked_rejects` has opened.

        Args:
            path: The file as the user calls it.
            real: The file, all links followed.
            descriptor: The file, open.
            beside: What will take its place.
            new: That, open.
        """
        super().__init__(path, descriptor)
        self._real = real
        self._beside = beside
        self._new = new

    def replace(self, rewrite: Callable[[Iterator[bytes]], Iterable[bytes]]) -> None:
        """Put another file in its place, with its owner and mode, or remove it.

        Nobody can append meanwhile, and who wanted to goes on with the new file. What
        is killed before its end has changed nothing.

        Args:
            rewrite: Takes its lines, with those that were appended since it was opened,
                and yields those of the new file; none: the file is removed.

        Raises:
            InputUnreadable: When it cannot be read.
            OutputUnwritable: When the disk does not take the new file, or the user has
                moved or replaced this one.
        """
        try:
            with appending(self._descriptor):
                if not is_at(self._real, self._descriptor):
                    raise OutputUnwritable(
                        f"{self.path} was moved or replaced meanwhile, so it was not "
                        f"rewritten: nothing is lost"
                    )
                status = os.fstat(self._descriptor)
                if self._write(rewrite(self.lines(status.st_size))):
                    give(self._new, status)
                    os.fsync(self._new)
                    self._beside.replace(self._real)
                else:
                    self._real.unlink()
                sync_folder(self._real.parent)
        except OSError as error:
            raise _unwritable(self.path, error) from error

    def _write(self, lines: Iterable[bytes]) -> bool:
        """Write the new file; return whether it has any line."""
        os.ftruncate(self._new, 0)
        with os.fdopen(os.dup(self._new), "wb") as file:
            has_any = False
            for line in lines:
                file.write(line if line.endswith(b"\n") else line + b"\n")
                has_any = True
        return has_any


def _chunks(descriptor: int, size: int, path: Path) -> Iterator[bytes]:
    """Yield what a file holds; where others are in it stays as it is."""
    at = 0
    while at < size:
        try:
            chunk = os.pread(descriptor, min(CHUNK_BYTES, size - at), at)
        except OSError as error:
            raise _unreadable(path, error) from error
        if not chunk:
            return
        at += len(chunk)
        yield chunk


def _open(path: Path, real: Path, *, to_lock: bool = False) -> int:
    """Open a rejects file.

    Args:
        path: The file as the user calls it.
        real: The file, all links followed.
        to_lock: Whether it should be open for writing, if it can: NFS locks no other.

    Raises:
        InputUnreadable: When it cannot be read, or is no file.
    """
    flags = os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = -1
    if to_lock:
        with contextlib.suppress(OSError):
            descriptor = os.open(real, flags | os.O_RDWR)
    try:
        if descriptor < 0:
            descriptor = os.open(real, flags | os.O_RDONLY)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputUnreadable(f"{path} cannot be rewritten: it is not a file")
    return descriptor


def _expect_mine(path: Path, descriptor: int) -> None:
    """Make sure that the new file can have the same owner.

    Raises:
        OutputUnwritable: When it would be another user's no more.
    """
    owner = os.fstat(descriptor).st_uid
    if os.geteuid() not in {0, owner}:
        raise OutputUnwritable(
            f"{path} belongs to another user, who would lose it if it were rewritten: "
            f"do that as user id {owner}"
        )


def _open_and_lock(beside: Path) -> int:
    """Make the file that will take the other one's place, for this process alone.

    One that a killed process has left is used again: it holds rejects, too.

    Raises:
        BlockingIOError: When another process has it.
        OSError: When it cannot be made, or is in truth another file.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    while True:
        with contextlib.ExitStack() as until_failure:
            new = os.open(beside, flags, 0o600)
            until_failure.callback(os.close, new)
            _take(beside, new)
            if is_at(beside, new):  # else who had it was not done with it until now
                os.fchmod(new, 0o600)
                os.ftruncate(new, 0)
                until_failure.pop_all()
                return new


def _take(beside: Path, new: int) -> None:
    status = os.fstat(new)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
        raise OSError(errno.EEXIST, f"{beside} is in the way")
    if not lock_at_once(new):
        raise BlockingIOError


def _remove(beside: Path, new: int) -> None:
    """Remove the new file, unless it has taken the other one's place."""
    with contextlib.suppress(OSError):
        if is_at(beside, new):
            beside.unlink()


def _unreadable(path: Path, error: OSError) -> InputUnreadable:
    return InputUnreadable(f"{path} cannot be read ({error.strerror})")


def _unwritable(path: Path, error: OSError) -> OutputUnwritable:
    return OutputUnwritable(
        f"{path} cannot be rewritten ({error.strerror or error}): free or repair the "
        f"disk, or the folder's permissions. Nothing is lost"
    )
