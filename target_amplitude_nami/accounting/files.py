"""Writes a run's small files, each as a whole."""

from __future__ import annotations

import errno
import os
import secrets
import typing as t
from pathlib import Path

from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.files import sync_folder

if t.TYPE_CHECKING:
    from collections.abc import Iterable


def write_atomically(path: Path, text: str, mode: int, *, syncs: bool = False) -> None:
    """Write a file so that a reader sees the old one or the new one, never half.

    A device or a pipe is written to, not replaced. A symbolic link stays: what it leads
    to is written, so that the file may be anywhere. What is made on the way has a name
    that nobody can guess, and is new: nobody can have put a link there.

    Args:
        path: The file.
        text: What to write.
        mode: Who may read it, as `chmod` has it.
        syncs: Whether it must survive the machine.

    Raises:
        OutputUnwritable: When the disk does not take it.
    """
    write_parts_atomically(path, [text.encode()], mode, syncs=syncs)


def write_parts_atomically(
    path: Path, parts: Iterable[bytes], mode: int, *, syncs: bool = False
) -> None:
    """Write a file as `write_atomically` does, from parts that follow one another.

    Args:
        path: The file.
        parts: What to write.
        mode: Who may read it, as `chmod` has it.
        syncs: Whether it must survive the machine.

    Raises:
        OutputUnwritable: When the disk does not take it.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                file.writelines(parts)
            return
        _replace(Path(os.path.realpath(path)), parts, mode, syncs=syncs)
    except OSError as error:
        raise OutputUnwritable(
            f"{path} cannot be written ({error.strerror}): free or repair the disk, or "
            f"choose another path"
        ) from error


def _replace(path: Path, parts: Iterable[bytes], mode: int, *, syncs: bool) -> None:
    if path.is_symlink():  # in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".nami-{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(beside, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(parts)
            if syncs:
                file.flush()
                os.fsync(descriptor)
        beside.replace(path)
        if syncs:
            sync_folder(path.parent)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
