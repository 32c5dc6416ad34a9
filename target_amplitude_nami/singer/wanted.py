"""Numbers the lines of an input, and says what each of them holds."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.singer.messages import decode_object
from target_amplitude_nami.singer.reject_lines import UNREADABLE_LINES, line_of

_LONGEST_SHOWN: t.Final = 200


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line of the input, as the message that a run reads."""

    number: int
    """From 1 on."""
    message: bytes


class Rejected(msgspec.Struct, frozen=True):
    """What stands beside a record in a rejects file: why, and when."""

    reason: str = ""
    field: str = ""
    detail: str = ""
    status: int | None = None
    at: str | None = None


class RecordLine(msgspec.Struct, frozen=True, gc=False):
    """The record of a line, and why it stands in a rejects file."""

    stream: str
    record: dict[str, t.Any] | None
    """None where the line holds no record that can be read."""
    rejected: Rejected | None = None
    text: str = ""
    """The line itself, where it cannot be read."""


def record_in(message: bytes) -> RecordLine | None:
    """Return the record of a message; None for a message of another type."""
    found = _record_line(message)
    if found is None or found.stream != UNREADABLE_LINES or found.record is None:
        return found
    # A line that was no message when it was rejected; it may have been corrected.
    text = line_of(message)
    if text is None:
        return found
    inner = _record_line(text) or RecordLine(UNREADABLE_LINES, None, text=_shown(text))
    return msgspec.structs.replace(inner, rejected=found.rejected)


def _record_line(message: bytes) -> RecordLine | None:
    try:
        decoded = decode_object(message)
    except ValueError:
        return RecordLine(UNREADABLE_LINES, None, text=_shown(message))
    if decoded.get("type") != "RECORD":
        if decoded.get("type") in {"SCHEMA", "STATE", "BATCH", "ACTIVATE_VERSION"}:
            return None
        return RecordLine(UNREADABLE_LINES, None, text=_shown(message))
    stream, record = decoded.get("stream"), decoded.get("record")
    if not isinstance(stream, str) or not isinstance(record, dict):
        return RecordLine(UNREADABLE_LINES, None, text=_shown(message))
    return RecordLine(stream, record, _rejected(decoded.get("rejected")))


def _rejected(value: object) -> Rejected | None:
    if not isinstance(value, dict):
        return None
    try:
        return msgspec.convert(value, Rejected)
    except msgspec.ValidationError:
        return Rejected()


def what_is(message: bytes) -> str:
    """Return what a line is that holds no record, as a sentence for people."""
    try:
        decoded = jsontext.decode(message)
    except ValueError:
        return "is not JSON"
    kind = decoded.get("type") if isinstance(decoded, dict) else None
    stream = f" of stream {decoded.get('stream')}" if kind != "STATE" else ""
    match kind:
        case "SCHEMA":
            return f"is the SCHEMA message{stream}: it says what its records have"
        case "STATE":
            return "is a STATE message: it says how far the tap has read"
        case "BATCH":
            return (
                f"is a BATCH message{stream}: its records stand in the files that it "
                "names; give one of these as --input"
            )
        case _:
            return f"is a message of type {kind}, which holds no record"


def _shown(line: bytes) -> str:
    text = line.strip().decode("utf-8", "replace")
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
