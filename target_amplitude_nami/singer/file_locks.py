"""Locks files for a moment, so that no two processes write to one at once."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_SECONDS: t.Final = 60.0
"""How long another process may replace the file or append to it."""
_POLL_SECONDS: t.Final = 0.01
_NO_LOCKS: t.Final = (
    errno.ENOLCK,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EINVAL,
    errno.EBADF,
)
"""The file system has none, or NFS none for a file that is only read (`flock(2)`); then
nothing but care keeps two processes apart."""


@contextlib.contextmanager
def appending(descriptor: int) -> Iterator[None]:
    """Keep all others from appending to a rejects file, and from replacing it.

    Args:
        descriptor: The file. It may have been replaced before: see `is_at`.

    Raises:
        OSError: When another process does not let go of it.
    """
    until = time.monotonic() + _MOST_SECONDS
    while not lock_at_once(descriptor):
        if time.monotonic() > until:
            raise OSError(errno.EAGAIN, "another process has locked it")
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def is_at(path: Path, descriptor: int) -> bool:
    """Return whether an open file is still the one that a path leads to."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def lock_at_once(descriptor: int) -> bool:
    """Try to lock a file; return False when another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
    return True
