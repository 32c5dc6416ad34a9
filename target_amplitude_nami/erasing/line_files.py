"""Rewrites a file of lines while nobody else writes it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import typing as t
from pathlib import Path

from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.files import give, sync_folder

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
        """Put another file in its place, with the same owner and mode.

        Args:
            lines: Those of the new file.

        Raises:
            OutputUnwritable: When the disk does not take it; the file is as it was.
        """
        beside = _rewriting(self._real)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            beside.unlink(missing_ok=True)  # of a process that was killed
            descriptor = os.open(beside, flags, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.writelines(lines)
                    file.flush()
                    give(file.fileno(), os.fstat(self._file.fileno()))
                    os.fsync(file.fileno())
                beside.replace(self._real)
            finally:
                beside.unlink(missing_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        sync_folder(self._real.parent)

    def close(self) -> None:
        """Close the file; a run may write it again."""
        self._file.close()

    def _unusable(self, error: OSError) -> OutputUnwritable:
        return OutputUnwritable(
            f"{self.path} cannot be rewritten ({error.strerror}): free or repair the "
            f"disk, and run this again; the file is as it was"
        )


def leftovers_beside(path: Path) -> Iterator[Path]:
    """Yield the files beside one that a killed process left, unfinished."""
    real = Path(os.path.realpath(path))
    with contextlib.suppress(OSError):
        for found in (*real.parent.glob(".nami-*"), _rewriting(real)):
            if found.is_file() and not found.is_symlink():
                yield found


def _rewriting(real: Path) -> Path:
    """Return what the new file is called at first, as in `singer/rejects_file.py`."""
    return real.with_name(f".{real.name}.rewriting")
