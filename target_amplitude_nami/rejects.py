"""Undeliverable records, written as Singer messages that this target can read again."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import functools
import json
import os
import threading
import typing as t

from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.escaping import printable
from target_amplitude_nami.nami import jsontext

if t.TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.amplitude.event import Refusal

UNREADABLE_LINES: t.Final = "_unreadable_lines"
"""The stream of lines that are no Singer message: their record is `{"line": "…"}`."""

_WHY = "rejected"
_KEY = b',"rejected":'


class Rejects:
    """The rejects file: made at the first reject, for its owner alone, appended."""

    def __init__(self, path: Path, integration: str) -> None:
        """Write nothing yet.

        Args:
            path: The file.
            integration: Whose rejects these are, should several share the file.
        """
        self.path = path
        self._integration = integration
        self._lock = threading.Lock()
        self._file: t.BinaryIO | None = None
        self._is_synced = True
        self._schemas: dict[str, bytes] = {UNREADABLE_LINES: _UNREADABLE_SCHEMA}
        self._declared: set[str] = set()

    def declare(self, stream: str, schema_line: bytes) -> None:
        """Take a stream's SCHEMA message, which will stand before its rejects."""
        with self._lock:
            self._schemas[stream] = schema_line
            self._declared.discard(stream)

    def declare_if_missing(self, stream: str) -> None:
        """Make sure that a SCHEMA message stands before the stream's rejects.

        For records that are older than this run: the one made here allows anything.
        """
        with self._lock:
            self._schemas.setdefault(
                stream,
                _encode(
                    {
                        "type": "SCHEMA",
                        "stream": stream,
                        "schema": {"type": "object", "properties": {}},
                        "key_properties": [],
                    }
                ),
            )

    def write(self, stream: str, line: bytes, refusal: Refusal) -> None:
        """Write a record with, beside it, why it was rejected.

        Args:
            stream: The stream of the RECORD message.
            line: The message as it was read.
            refusal: Why.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        message = _with_reason(line, refusal, self._integration)
        with self._lock:
            try:
                file = self._file or self._open()
                if stream not in self._declared:
                    schema = self._schemas.get(stream)
                    if schema is not None:
                        file.write(schema.rstrip(b"\r\n") + b"\n")
                    self._declared.add(stream)
                file.write(message + b"\n")
            except OSError as error:
                raise self._unwritable(error) from error
            self._is_synced = False

    def sync(self) -> None:
        """Make sure that what was written survives the machine.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        with self._lock:
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
        try:
            self.sync()
        finally:
            file, self._file = self._file, None
            if file is not None:
                with contextlib.suppress(OSError):  # told by `sync`
                    file.close()

    def _open(self) -> t.BinaryIO:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        file = os.fdopen(descriptor, "ab")
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            file.write(b"\n")  # a killed run has left half a line
        self._file = file
        return file

    def _unwritable(self, error: OSError) -> OutputUnwritable:
        return OutputUnwritable(
            f"The rejects file {self.path} cannot be written ({error.strerror}): "
            f"mend the disk or choose another `rejects_path`, then run again; nothing "
            f"is lost"
        )


def unreadable_line(line: bytes) -> bytes:
    """Return a RECORD message that holds a line which is no Singer message."""
    text = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    return _encode(
        {"type": "RECORD", "stream": UNREADABLE_LINES, "record": {"line": text}}
    )


def line_of(record: t.Mapping[str, t.Any]) -> bytes | None:
    """Return the line that a record of `UNREADABLE_LINES` holds."""
    line = record.get("line")
    if not isinstance(line, str):
        return None
    try:
        return line.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return line.encode("utf-8", "surrogatepass")


def record_message(stream: str, record: bytes) -> bytes:
    """Return the RECORD message for a record that came without one."""
    return b"".join((_start_of_record_message(stream), record.strip(), b"}"))


@functools.lru_cache
def _start_of_record_message(stream: str) -> bytes:
    return b'{"type":"RECORD","stream":%s,"record":' % _encode(stream)


def _with_reason(line: bytes, refusal: Refusal, integration: str) -> bytes:
    """Put the reason beside the record, leaving every byte of it as it was."""
    why = {
        "reason": refusal.reason,
        "field": printable(refusal.field),
        "detail": printable(refusal.detail),
        "status": refusal.status,
        "integration": integration,
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    if b'"rejected"' in line:
        line = _without_reason(line)
    message = line.rstrip()
    return message[:-1] + _KEY + _encode(why) + b"}"


def _without_reason(line: bytes) -> bytes:
    """Drop the reason of an earlier run from a message that is read again."""
    at = line.rfind(_KEY)
    if _keys(b"{" + line[at + 1 :]) == {_WHY}:  # as this module has written it
        return line[:at] + b"}"
    if _WHY not in _keys(line):  # it stands within the record
        return line
    message = jsontext.decode(line)
    del message[_WHY]
    return jsontext.encode(message)


def _keys(text: bytes) -> t.Collection[str]:
    try:
        return t.cast("dict[str, t.Any]", jsontext.decode(text)).keys()
    except ValueError:
        return ()


def _encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


_UNREADABLE_SCHEMA = _encode(
    {
        "type": "SCHEMA",
        "stream": UNREADABLE_LINES,
        "schema": {"type": "object", "properties": {"line": {"type": "string"}}},
        "key_properties": [],
    }
)
