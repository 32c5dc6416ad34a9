"""Reads the rejects file of a run: how many records, for which reasons."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.jsontext import decode
from target_amplitude_nami.text import printable

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 64_000_000
"""So much is read within the time that people wait for a page."""
_LONGEST_LINE = 32_000_000
_LONGEST_TEXT = 300
_NO_REASON = "no_reason"
_UNREADABLE = "line_not_json"
_TYPE_KEYS = ("event_type", "EVENT_TYPE", "type")


class RejectReason(msgspec.Struct, frozen=True):
    """Records that were rejected for one reason, and one of them as an example."""

    reason: str
    count: int
    line: int = 0
    """The number of the example's line in the file, from 1."""
    stream: str = ""
    type: str | None = None
    """The event type of the example, where it names one."""
    field: str = ""
    detail: str = ""
    """What is wrong with it."""


class Rejects(msgspec.Struct, frozen=True):
    """What a rejects file holds."""

    path: str
    count: int = 0
    reasons: list[RejectReason] = []
    """The most frequent first."""
    is_complete: bool = True
    """Whether all of the file was read; otherwise only its first 64 MB."""
    problem: str | None = None
    """Why it cannot be read."""


class _Line(msgspec.Struct):
    type: str = ""
    stream: str = ""
    record: msgspec.Raw = msgspec.Raw(b"null")
    rejected: dict[str, Any] | None = None


_line_of = msgspec.json.Decoder(_Line).decode


def read_rejects(path: Path) -> Rejects:
    """Return what a rejects file holds; a problem with it is part of that."""
    try:
        status = path.stat()
    except OSError as error:
        return Rejects(str(path), problem=error.strerror)
    if not path.is_file():
        return Rejects(str(path), problem="it is not a file")
    return _read(path, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=4)
def _read(path: Path, *_: int) -> Rejects:
    """Read a file once as long as it stays as it is."""
    reasons: dict[str, RejectReason] = {}
    read = number = 0
    try:
        with path.open("rb") as file:
            while read < _MOST_BYTES and (line := file.readline(_LONGEST_LINE)):
                read += len(line)
                number += 1
                found = _reject(line, number)
                if found is not None:
                    known = reasons.get(found.reason, found)
                    count = 1 if known is found else known.count + 1
                    reasons[found.reason] = msgspec.structs.replace(known, count=count)
            is_complete = not file.read(1)
    except OSError as error:
        return Rejects(str(path), problem=error.strerror)
    ordered = sorted(reasons.values(), key=lambda each: (-each.count, each.line))
    total = sum(each.count for each in ordered)
    return Rejects(str(path), total, ordered, is_complete)


def _reject(line: bytes, number: int) -> RejectReason | None:
    """Return the reject in a line; None for other messages and for empty lines."""
    try:
        message = _line_of(line)
    except (ValueError, RecursionError):
        if not line.strip():
            return None
        return RejectReason(_UNREADABLE, 1, number, "", None, "", "it is not JSON")
    if message.type != "RECORD":
        return None
    why = message.rejected or {}
    return RejectReason(
        reason=_text(why.get("reason")) or _NO_REASON,
        count=1,
        line=number,
        stream=_text(message.stream),
        type=_event_type(bytes(message.record)),
        field=_text(why.get("field")),
        detail=_text(why.get("detail")),
    )


def _event_type(record: bytes) -> str | None:
    try:
        values = decode(record)
    except ValueError:
        return None
    if not isinstance(values, dict):
        return None
    found = (values.get(key) for key in _TYPE_KEYS)
    return next((_text(each) for each in found if isinstance(each, str)), None)


def _text(value: object) -> str:
    return printable(value)[:_LONGEST_TEXT] if isinstance(value, str) else ""
