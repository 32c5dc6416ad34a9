"""Writes rejected records as Singer messages that this target can read again.

Lines reach the file some at a time, each block whole: several runs may share it, and a
retry may put another file in its place meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import typing as t
from collections import Counter

from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.singer.file_locks import appending, is_at
from target_amplitude_nami.singer.reject_lines import (
    UNREADABLE_LINES,
    digest,
    key_of,
    on_one_line,
    schema_message,
    with_reason,
)
from target_amplitude_nami.store.model import RejectPlace
from target_amplitude_nami.tools import advice_on_rejects

if t.TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.outcomes import Refusal


_BLOCK_BYTES: t.Final = 1 << 16


class KnownRejects(t.Protocol):
    """Remembers from run to run where records stand in the file."""

    def find_reject(self, key: bytes, /) -> RejectPlace | None:
        """Return where a record was written last."""

    def note_reject(self, key: bytes, place: RejectPlace, /) -> None:
        """Remember where a record was written."""


class _Line(t.NamedTuple):
    """A line that waits to be written."""

    stream: str
    schema: bytes | None
    """The SCHEMA message that it came under."""
    message: bytes
    key: bytes | None
    """To remember its place by."""


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
        self._descriptor: int | None = None
        self._trouble: OutputUnwritable | None = None
        self._is_synced = True
        self._is_regular = False
        """Whether it is no device or pipe: it can be read, locked and replaced."""
        self._bytes_before = 0
        """Of earlier runs, and of others."""
        self._waiting: list[_Line] = []
        self._bytes_waiting = 0
        self._schemas: dict[str, bytes] = {
            UNREADABLE_LINES: schema_message(
                UNREADABLE_LINES, {"line": {"type": "string"}}
            )
        }
        self._declared: dict[str, bytes | None] = {}
        """The SCHEMA message of each stream that this run has written last."""
        self._reasons: Counter[str] = Counter()

    @property
    def advice(self) -> str:
        """A sentence for people: where the rejects are, and what to do with them."""
        reasons = [reason for reason, _ in self._reasons.most_common(1)]
        return advice_on_rejects(
            self.path, explain=[word for r in reasons for word in ("--reason", r)]
        )

    def declare(self, stream: str, schema_line: bytes) -> None:
        """Take a stream's SCHEMA message, which will stand before its rejects."""
        with self._lock:
            self._schemas[stream] = on_one_line(schema_line)

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
            self._write(stream, message, key)
        else:
            self._known.note_reject(key, place)

    def _write(self, stream: str, message: bytes, key: bytes | None = None) -> None:
        """Take a line, and write all that wait once they are a block.

        Args:
            stream: Its stream.
            message: The line.
            key: What to note its place under, if at all.
        """
        with self._lock:
            self._raise_trouble()
            schema = self._schemas.get(stream)
            self._waiting.append(_Line(stream, schema, message, key))
            self._bytes_waiting += len(message)
            self._is_synced = False
            try:
                self._opened()
                if self._bytes_waiting >= _BLOCK_BYTES:
                    self._write_waiting()
            except OSError as error:
                raise self._unwritable(error) from error

    def _holds(self, place: RejectPlace) -> bool:
        """Return whether the file has the exact line of a record of an earlier run."""
        with self._lock:
            try:
                descriptor = self._descriptor
                if descriptor is not None and not self._is_current(descriptor):
                    self._close()
                if self._descriptor is None and not self.path.is_file():
                    return False
                descriptor = self._opened()
                if not 0 <= place.at < place.at + place.length <= self._bytes_before:
                    return False
                line = os.pread(descriptor, place.length, place.at)
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
            if self._is_synced:
                return
            try:
                self._write_waiting()
                os.fsync(self._opened())
            except OSError as error:
                if error.errno != errno.EINVAL:  # a device, which has nothing to sync
                    raise self._unwritable(error) from error
            self._is_synced = True

    def close(self) -> None:
        """Sync and close the file.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        if self._descriptor is None and not self._waiting:
            return
        try:
            self.sync()
        finally:
            self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        self._declared.clear()
        if descriptor is not None:
            with contextlib.suppress(OSError):  # `sync` has raised it
                os.close(descriptor)

    def _opened(self) -> int:
        if self._descriptor is not None:
            return self._descriptor
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = self._descriptor = os.open(self.path, flags, 0o600)
        status = os.fstat(descriptor)
        self._is_regular = stat.S_ISREG(status.st_mode)
        self._bytes_before = status.st_size
        return descriptor

    def _is_current(self, descriptor: int) -> bool:
        return not self._is_regular or is_at(self.path, descriptor)

    def _write_waiting(self) -> None:
        """Write all that waits as one block, into the file that is there now."""
        while self._waiting:
            descriptor = self._opened()
            if not self._is_regular:
                self._write_block(descriptor, b"", 0)
                return
            with appending(descriptor):
                if self._is_current(descriptor):
                    size = os.fstat(descriptor).st_size
                    is_cut = size and os.pread(descriptor, 1, size - 1) != b"\n"
                    # What was killed has left half a line.
                    self._write_block(descriptor, b"\n" if is_cut else b"", size)
                    return
            os.fsync(descriptor)
            self._close()  # it was moved or replaced, and its lines went with it

    def _write_block(self, descriptor: int, start: bytes, size: int) -> None:
        """Write all that waits, and note the places.

        Args:
            descriptor: The file.
            start: What to write before it.
            size: How many bytes the file has.
        """
        block = bytearray(start)
        places: list[tuple[bytes, RejectPlace]] = []
        for stream, schema, message, key in self._waiting:
            if schema is not None and self._declared.get(stream) != schema:
                block += schema + b"\n"
                self._declared[stream] = schema
            if key is not None:
                place = RejectPlace(size + len(block), len(message), digest(message))
                places.append((key, place))
            block += message + b"\n"
        self._waiting.clear()
        self._bytes_waiting = 0
        rest = memoryview(block)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        if self._known is not None:
            for key, place in places:
                self._known.note_reject(key, place)

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
