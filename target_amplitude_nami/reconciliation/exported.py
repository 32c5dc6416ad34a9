"""Reads the events out of an archive of the Export API, one line at a time."""

from __future__ import annotations

import datetime as dt
import gzip
import typing as t
import zipfile
import zlib

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude.event import encode
from target_amplitude_nami.errors import RequestFailed

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_LINE_BYTES: t.Final = 16 << 20
"""An event has a megabyte or less; its user, 1,000 properties of 1,024 characters."""
_MOST_GROWTH: t.Final = 20
"""Files that are compressed already do not grow much more."""
_SMALL_BYTES: t.Final = 1 << 20
_DAMAGED: t.Final = (
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # another compression
    RuntimeError,  # encrypted
    OSError,
    ValueError,  # what `zipfile` makes of odd lengths and names
    IndexError,
)
_EPOCH: t.Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class ExportedEvent(msgspec.Struct, gc=False):
    """A line of an export: what a comparison needs of it (Export API, "Response")."""

    event_type: t.Any = None
    insert_id: t.Any = msgspec.field(default=None, name="$insert_id")
    user_id: t.Any = None
    device_id: t.Any = None
    event_time: t.Any = None
    server_upload_time: t.Any = None
    event_properties: msgspec.Raw = msgspec.Raw(b"{}")
    user_properties: msgspec.Raw = msgspec.Raw(b"{}")

    @property
    def time(self) -> int | None:
        """When it happened, ms since 1970."""
        return milliseconds(self.event_time)

    @property
    def uploaded(self) -> int | None:
        """When Amplitude got it, ms since 1970."""
        return milliseconds(self.server_upload_time)


_decode: t.Final = msgspec.json.Decoder(ExportedEvent).decode


def read_archive(file: t.BinaryIO, name: str) -> Iterator[ExportedEvent]:
    """Yield the events of an archive.

    Args:
        file: The archive, a zip file of gzip files.
        name: What it is called in messages.

    Raises:
        RequestFailed: When it is cut short, damaged or something else: what cannot be
            read must not pass for missing.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                if not member.is_dir():
                    yield from _read_member(archive, member, name)
    except _DAMAGED as error:
        raise _damaged(name, str(error) or type(error).__name__) from error


def _read_member(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str
) -> Iterator[ExportedEvent]:
    if member.file_size > _MOST_GROWTH * member.compress_size + _SMALL_BYTES:
        raise _damaged(name, f"{member.filename} is far larger than it says")
    with (
        archive.open(member) as packed,
        gzip.GzipFile(fileobj=t.cast("t.BinaryIO", packed)) as lines,
    ):
        while line := lines.readline(_MOST_LINE_BYTES + 1):
            if len(line) > _MOST_LINE_BYTES:
                why = f"a line of {member.filename} has over {_MOST_LINE_BYTES:,} bytes"
                raise _damaged(name, why)
            if line.strip():
                yield _event_of(line, name)


def _event_of(line: bytes, name: str) -> ExportedEvent:
    try:
        return _decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    try:  # halves of characters, and numbers beyond JSON
        return _decode(encode(jsontext.decode(line)))
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        raise _damaged(name, "a line is not a JSON object") from error


def _damaged(name: str, why: str) -> RequestFailed:
    return RequestFailed(
        f"the archive of {name} is damaged or cut short ({why}): nothing was compared; "
        f"try again"
    )


def milliseconds(text: object) -> int | None:
    """Return a time of an export, which is UTC without saying so, in ms since 1970."""
    if not isinstance(text, str):
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)
