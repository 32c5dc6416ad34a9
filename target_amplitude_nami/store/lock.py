"""Locks the memory file, so that no two runs use it at the same time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
import typing as t
from pathlib import Path

from target_amplitude_nami.errors import StoreUnusable

if t.TYPE_CHECKING:
    from collections.abc import Callable

BYTE: t.Final = 0x3FFF_FFFF
"""The byte of the file that is locked: the one before those that SQLite locks."""
_TAKEN: t.Final = (errno.EACCES, errno.EAGAIN)


def lock(named: Path, path: Path) -> Callable[[], None]:
    """Lock a memory file against other runs; return the function that unlocks it.

    Two locks: a file beside it, so that nobody puts another file in its place while
    SQLite's own files belong to this one; and, for who comes by another name (a hard
    link), one of the file itself.

    The second must be let go of after SQLite's connections: whoever closes a file takes
    away all locks of POSIX that the process has on it.

    Args:
        named: The file as the user calls it, for messages.
        path: The file, all links followed; made if it is missing.

    Raises:
        StoreUnusable: When another run uses it, or the folder cannot be written.
    """
    with contextlib.ExitStack() as until_failure:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = _open(Path(f"{path}.lock"), os.O_NOFOLLOW)
            until_failure.callback(os.close, beside)
            fcntl.flock(beside, fcntl.LOCK_EX | fcntl.LOCK_NB)
            itself = _open(path)
            until_failure.callback(os.close, itself)
            _lock_byte(itself)
        except BlockingIOError as error:
            raise StoreUnusable(
                f"The memory file {named} is in use by another run: wait for that to "
                f"end, and give each integration a `memory_path` of its own"
            ) from error
        except OSError as error:
            raise StoreUnusable(
                f"The memory file {named} cannot be created ({_why(error)}): fix "
                f"that, or choose another `memory_path`"
            ) from error
        return until_failure.pop_all().close


def _open(path: Path, flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | flags, 0o600)


def _lock_byte(descriptor: int) -> None:
    """Lock the file itself, by its inode.

    Not by `flock`, which some systems let clash with SQLite's locks, nor by the older
    locks of POSIX, all of which SQLite takes away when it unlocks: by those that belong
    to a descriptor. Where there are none, the file beside has to do.

    Raises:
        BlockingIOError: When another run has the lock.
    """
    if not hasattr(fcntl, "F_OFD_SETLK"):  # pragma: no cover - not on Linux
        return
    wanted = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, BYTE, 1, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, wanted)
    except OSError as error:
        if error.errno in _TAKEN:
            raise BlockingIOError(*error.args) from error


def _why(error: OSError) -> str:
    if error.errno == errno.ELOOP and error.filename is not None:
        return f"{error.filename} is a symbolic link; remove it"
    return error.strerror or str(error)
