"""What files have in common that take the place of others."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

if t.TYPE_CHECKING:
    from pathlib import Path


def give(new: int, status: os.stat_result) -> None:
    """Give an open file the owner and the mode of another one.

    Args:
        new: The file.
        status: The other one's.

    Raises:
        OSError: When it cannot have these.
    """
    mine, mode = os.fstat(new), stat.S_IMODE(status.st_mode)
    if (mine.st_uid, mine.st_gid) != (status.st_uid, status.st_gid):
        try:
            os.fchown(new, status.st_uid, status.st_gid)
        except PermissionError:  # its owner is in that group no more
            mode &= stat.S_IRWXU
    os.fchmod(new, mode)


def sync_folder(folder: Path) -> None:
    """Make sure that the names in a folder survive the machine, where it can be."""
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
