"""Keeps what was rejected again until the file is rewritten, on the disk."""

from __future__ import annotations

import os
import struct
import tempfile
import threading
import typing as t

from target_amplitude_nami.errors import OutputUnwritable

if t.TYPE_CHECKING:
    from pathlib import Path

_PLACE: t.Final = struct.Struct("<QQ")


class RejectedAgain:
    """The new line of each record that was rejected again, by the number of its line.

    Two files without a name, which are gone with the process: one of lines, and one
    that shows where the line of each number is.
    """

    def __init__(self, folder: Path | None) -> None:
        """Make the files.

        Args:
            folder: Where; None: where temporary files go.

        Raises:
            OutputUnwritable: When they cannot be made.
        """
        self._folder = folder
        self._lock = threading.Lock()
        self._end = 0
        self.count = 0
        """How many records there are."""
        try:
            self._lines = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - `close`
            self._places = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        except OSError as error:
            raise self._unwritable(error) from error

    def add(self, number: int, line: bytes) -> None:
        """Keep the new line of a record; the last one counts.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        with self._lock:
            try:
                self.count += self._place_of(number) is None
                _write_at(self._lines.fileno(), line, self._end)
                place = _PLACE.pack(self._end, len(line))
                _write_at(self._places.fileno(), place, number * _PLACE.size)
            except OSError as error:
                raise self._unwritable(error) from error
            self._end += len(line)

    def get(self, number: int) -> bytes | None:
        """Return the new line of a record; None if it was not rejected again."""
        with self._lock:
            try:
                place = self._place_of(number)
                if place is None:
                    return None
                at, length = place
                return os.pread(self._lines.fileno(), length, at)
            except OSError as error:
                raise self._unwritable(error) from error

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._places.close()

    def _place_of(self, number: int) -> tuple[int, int] | None:
        packed = os.pread(self._places.fileno(), _PLACE.size, number * _PLACE.size)
        if len(packed) < _PLACE.size:
            return None
        at, length = _PLACE.unpack(packed)
        return (at, length) if length else None

    def _unwritable(self, error: OSError) -> OutputUnwritable:
        return OutputUnwritable(
            f"Nothing can be kept in {self._folder or 'the temporary folder'} "
            f"({error.strerror}): free or repair the disk. Nothing is lost"
        )


def _write_at(descriptor: int, text: bytes, at: int) -> None:
    rest = memoryview(text)
    while rest:
        written = os.pwrite(descriptor, rest, at)
        rest, at = rest[written:], at + written
