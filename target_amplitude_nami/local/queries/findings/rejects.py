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
_NOT_JSON = _Line(rejected={"reason": _UNREADABLE, "detail": "it is not JSON"})


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
    counts: dict[str, int] = {}
    examples: dict[str, RejectReason] = {}
    read = number = 0
    try:
        with path.open("rb") as file:
            while read < _MOST_BYTES and (line := file.readline(_LONGEST_LINE)):
                read += len(line)
                number += 1
                message = _message_in(line)
                if message is None:
                    continue
                reason = _reason_of(message)
                counts[reason] = counts.get(reason, 0) + 1
                if reason not in examples:
                    examples[reason] = _example(message, number)
            is_complete = not file.read(1)
    except OSError as error:
        return Rejects(str(path), problem=error.strerror)
    reasons = [
        msgspec.structs.replace(example, count=counts[reason])
        for reason, example in examples.items()
    ]
    reasons.sort(key=lambda each: (-each.count, each.line))
    return Rejects(str(path), sum(counts.values()), reasons, is_complete)


def _message_in(line: bytes) -> _Line | None:
    """Return the reject in a line; None for other messages and for empty lines."""
    try:
        message = _line_of(line)
    except (ValueError, RecursionError):
        return _NOT_JSON if line.strip() else None
    return message if message.type == "RECORD" else None


def _reason_of(message: _Line) -> str:
    return _text((message.rejected or {}).get("reason")) or _NO_REASON


def _example(message: _Line, number: int) -> RejectReason:
    why = message.rejected or {}
    return RejectReason(
        reason=_reason_of(message),
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
