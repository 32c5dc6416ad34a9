"""Writes rejected records as Singer messages that this target can read again."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import typing as t
from collections import Counter

from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.singer.reject_lines import (
    UNREADABLE_LINES,
    digest,
    key_of,
    on_one_line,
    schema_message,
    with_reason,
)
from target_amplitude_nami.singer.tools import tool
from target_amplitude_nami.store.model import RejectPlace

if t.TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.outcomes import Refusal


class KnownRejects(t.Protocol):
    """Remembers from run to run where records stand in the file."""

    def find_reject(self, key: bytes, /) -> RejectPlace | None:
        """Return where a record was written last."""

    def note_reject(self, key: bytes, place: RejectPlace, /) -> None:
        """Remember where a record was written."""


class RejectsFile:
    """The rejects file: made at the first reject, for its owner alone, appended."""

    def __init__(
        self, path: Path, integration: str, known: KnownRejects | None = None
    ) -> None:
        """Initialise without a file.

        Args:
            path: The file.
            integration: Whose rejects these are, should several share the file.
            known: Remembers what earlier runs wrote; without it, all is written.
        """
        self.path = path
        self._integration = integration
        self._known = known
        self._lock = threading.Lock()
        self._file: t.BinaryIO | None = None
        self._trouble: OutputUnwritable | None = None
        self._is_synced = True
        self._can_be_read = False
        """Whether it is no device or pipe."""
        self._bytes_before = 0
        """Of earlier runs."""
        self._schemas: dict[str, bytes] = {
            UNREADABLE_LINES: schema_message(
                UNREADABLE_LINES, {"line": {"type": "string"}}
            )
        }
        self._declared: set[str] = set()
        self._reasons: Counter[str] = Counter()

    @property
    def advice(self) -> str:
        """A sentence for people: where the rejects are, and what to do with them."""
        where = f"They are in {self.path}, each with the reason"
        if not self._can_be_read or not self._reasons:
            return where
        [(reason, _)] = self._reasons.most_common(1)
        explain = tool("explain", "--input", str(self.path), "--reason", reason)
        return (
            f"{where}: `{explain}` shows what is wrong. Once the cause is gone, "
            f"`{tool('retry')}` delivers them"
        )

    def declare(self, stream: str, schema_line: bytes) -> None:
        """Take a stream's SCHEMA message, which will stand before its rejects."""
        with self._lock:
            self._schemas[stream] = on_one_line(schema_line)
            self._declared.discard(stream)

    def declare_if_missing(self, stream: str) -> None:
        """Make sure that a SCHEMA message stands before the stream's rejects.

        For records that are older than this run: the one made here allows anything.
        """
        with self._lock:
            self._schemas.setdefault(stream, schema_message(stream))

    def write(self, stream: str, line: bytes, refusal: Refusal) -> None:
        """Write a record with, beside it, why it was rejected.

        One that an earlier run wrote, and that the file still holds, is not written
        again: a tap reads the row of its bookmark in every run.

        Args:
            stream: The stream of the RECORD message.
            line: The message as it was read.
            refusal: Why.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        self._reasons[refusal.reason] += 1
        line = on_one_line(line)
        message = with_reason(line, refusal, self._integration)
        if self._known is None:
            self._write(stream, message)
            return
        key = key_of(stream, line)
        place = self._known.find_reject(key)
        if place is None or not self._holds(place):
            at = self._write(stream, message)
            place = RejectPlace(at, len(message), digest(message))
        self._known.note_reject(key, place)

    def _write(self, stream: str, message: bytes) -> int:
        """Write a message; return where in the file it stands."""
        with self._lock:
            self._raise_trouble()
            try:
                file = self._file or self._open()
                if stream not in self._declared:
                    schema = self._schemas.get(stream)
                    if schema is not None:
                        file.write(schema + b"\n")
                    self._declared.add(stream)
                at = file.tell() if self._can_be_read else 0
                file.write(message + b"\n")
            except OSError as error:
                raise self._unwritable(error) from error
            self._is_synced = False
        return at

    def _holds(self, place: RejectPlace) -> bool:
        """Return whether the file has the exact line of a record of an earlier run."""
        with self._lock:
            try:
                if self._file is None and not self.path.is_file():
                    return False
                file = self._file or self._open()
                if not 0 <= place.at < place.at + place.length <= self._bytes_before:
                    return False
                line = os.pread(file.fileno(), place.length, place.at)
            except OSError as error:
                raise self._unwritable(error) from error
            if digest(line) != place.digest:
                return False
            self._is_synced = False  # the run that wrote it may not have come to that
            return True

    def sync(self) -> None:
        """Make sure that what was written survives the machine.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        with self._lock:
            self._raise_trouble()
            if self._is_synced or self._file is None:
                return
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                if error.errno != errno.EINVAL:  # a device, which has nothing to sync
                    raise self._unwritable(error) from error
            self._is_synced = True

    def close(self) -> None:
        """Sync and close the file.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        if self._file is None:
            return
        try:
            self.sync()
        finally:
            file, self._file = self._file, None
            if file is not None:
                with contextlib.suppress(OSError):  # `sync` has raised it
                    file.close()

    def _open(self) -> t.BinaryIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        file = os.fdopen(descriptor, "ab")
        status = os.fstat(descriptor)
        self._can_be_read = stat.S_ISREG(status.st_mode)
        size = self._bytes_before = status.st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            file.write(b"\n")  # a killed run has left half a line
        self._file = file
        return file

    def _raise_trouble(self) -> None:
        """Fail again: a disk may forget what it failed to take, and succeed later."""
        if self._trouble is not None:
            raise OutputUnwritable(*self._trouble.args)

    def _unwritable(self, error: OSError) -> OutputUnwritable:
        self._trouble = OutputUnwritable(
            f"The rejects file {self.path} cannot be written ({error.strerror}): "
            f"free or repair the disk, or set another `rejects_path`, and run again. "
            f"Nothing is lost"
        )
        return self._trouble
