"""Reads the lines of a rejects file: what each is, and why a record was rejected."""

from __future__ import annotations

import datetime as dt
import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.singer.reject_lines import UNREADABLE_LINES, schema_message

if t.TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA: t.Final = "SCHEMA"
RECORD: t.Final = "RECORD"
NO_REASON: t.Final = "no_reason"
"""Stands for the reason of a record that has none beside it."""


class RejectLine(msgspec.Struct, frozen=True, gc=False):
    """What a line of a rejects file says beside its record."""

    kind: str
    """The type of the message. A line that is no message is a RECORD to correct."""
    stream: str
    reason: str = NO_REASON
    integration: str | None = None
    """Whose reject it is."""
    at: dt.datetime | None = None
    """When it was rejected."""

    @property
    def is_schema(self) -> bool:
        """Whether it stands before the records of its stream."""
        return self.kind == SCHEMA

    @property
    def is_record(self) -> bool:
        """Whether it holds a record, or a line that was meant to be one."""
        return self.kind == RECORD


class _Head(msgspec.Struct):
    type: str
    stream: str = ""
    record: msgspec.Raw = msgspec.Raw()
    rejected: dict[str, t.Any] | None = None


_head_of: t.Final = msgspec.json.Decoder(_Head).decode
_BROKEN: t.Final = RejectLine(RECORD, UNREADABLE_LINES, "line_not_json")


def read_reject_line(line: bytes) -> RejectLine | None:
    """Return what a line of a rejects file is; None for an empty one."""
    try:
        head = _head_of(line)
    except (msgspec.DecodeError, RecursionError, ValueError):
        if not line.strip():
            return None
        return _read_any(line)
    if head.type == RECORD and not bytes(head.record).startswith(b"{"):
        return _BROKEN
    return _described(head.type, head.stream, head.rejected)


def _read_any(line: bytes) -> RejectLine:
    """Read what is JSON for most senders, but not for a strict reader."""
    try:
        message: object = jsontext.decode(line, most_levels=jsontext.MOST_LEVELS + 1)
    except ValueError:
        return _BROKEN
    if not isinstance(message, dict):
        return _BROKEN
    kind, stream = message.get("type"), message.get("stream")
    if kind == RECORD and not (
        isinstance(stream, str) and isinstance(message.get("record"), dict)
    ):
        return _BROKEN
    why = message.get("rejected")
    return _described(
        kind if isinstance(kind, str) else "",
        stream if isinstance(stream, str) else "",
        why if isinstance(why, dict) else None,
    )


def _described(kind: str, stream: str, why: dict[str, t.Any] | None) -> RejectLine:
    if why is None:
        return RejectLine(kind, stream)
    reason, integration = why.get("reason"), why.get("integration")
    return RejectLine(
        kind,
        stream,
        reason if isinstance(reason, str) else NO_REASON,
        integration if isinstance(integration, str) else None,
        _moment(why.get("at")),
    )


def _moment(text: object) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)


class NeededSchemas:
    """Lets the SCHEMA messages through that have a record behind them."""

    def __init__(self) -> None:
        """Start with none."""
        self._waiting: dict[str, bytes] = {}
        self._seen: set[str] = set()

    def take(self, stream: str, line: bytes) -> None:
        """Take a SCHEMA message, which waits for a record of its stream."""
        self._waiting[stream] = line
        self._seen.add(stream)

    def before(self, stream: str, *, makes_one: bool = False) -> Iterator[bytes]:
        """Yield what has to stand before a record of a stream, if anything.

        Args:
            stream: The stream.
            makes_one: Where the stream had none, make one that allows anything.
        """
        line = self._waiting.pop(stream, None)
        if line is None and makes_one and stream not in self._seen:
            self._seen.add(stream)
            line = schema_message(stream) + b"\n"
        if line is not None:
            yield line
