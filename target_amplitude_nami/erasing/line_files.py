"""Rewrites a file of lines while nobody else writes it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
import typing as t
from pathlib import Path

from target_amplitude_nami.errors import OutputUnwritable

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class LineFile:
    """A file of lines, locked until it is closed."""

    def __init__(self, path: Path) -> None:
        """Lock the file, which must exist.

        Raises:
            OutputUnwritable: When a run writes it, or it cannot be used.
        """
        self.path = path
        self._real = Path(os.path.realpath(path))
        try:
            descriptor = os.open(self._real, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise self._unusable(error) from error
        self._file = os.fdopen(descriptor, "rb")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise OutputUnwritable(
                f"{path} is in use by a run: wait for that to end, and run this again; "
                f"nothing was changed"
            ) from error
        except OSError as error:
            self._file.close()
            raise self._unusable(error) from error

    def lines(self) -> Iterator[bytes]:
        """Yield the lines with their ends, from the first one on.

        Raises:
            OutputUnwritable: When the file cannot be read.
        """
        try:
            self._file.seek(0)
            yield from self._file
        except OSError as error:
            raise self._unusable(error) from error

    def replace(self, lines: Iterable[bytes]) -> None:
        """Put another file in its place, with the same mode.

        Args:
            lines: Those of the new file.

        Raises:
            OutputUnwritable: When the disk does not take it; the file is as it was.
        """
        beside = self._real.with_name(f".nami-{secrets.token_hex(8)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            mode = stat.S_IMODE(os.fstat(self._file.fileno()).st_mode)
            descriptor = os.open(beside, flags, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.writelines(lines)
                    file.flush()
                    os.fchmod(file.fileno(), mode)
                    os.fsync(file.fileno())
                beside.replace(self._real)
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        _sync_folder(self._real.parent)

    def close(self) -> None:
        """Close the file; a run may write it again."""
        self._file.close()

    def _unusable(self, error: OSError) -> OutputUnwritable:
        return OutputUnwritable(
            f"{self.path} cannot be rewritten ({error.strerror}): free or repair the "
            f"disk, and run this again; the file is as it was"
        )


def share(descriptor: int) -> None:
    """Let nobody rewrite an open file before it is closed.

    Raises:
        OSError: When somebody does.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OSError(error.errno, "it is being rewritten") from error
    except OSError:  # a device, or a file system without locks
        return


def leftovers_beside(path: Path) -> Iterator[Path]:
    """Yield the files beside one that a killed process left, unfinished."""
    with contextlib.suppress(OSError):
        for found in Path(os.path.realpath(path)).parent.glob(".nami-*"):
            if found.is_file() and not found.is_symlink():
                yield found


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
