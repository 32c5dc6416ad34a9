"""Numbers the lines of an input, and describes what each of them holds."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.singer.batches import read_batch
from target_amplitude_nami.singer.messages import decode_object, is_record_message
from target_amplitude_nami.singer.reject_lines import (
    UNREADABLE_LINES,
    line_of,
    record_message,
)

if t.TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_LONGEST_SHOWN: t.Final = 200


class Line(msgspec.Struct, frozen=True, gc=False):
    """A line of the input, as the message that a run reads."""

    number: int
    """From 1 on."""
    message: bytes
    part: int = 0
    """Which of the records in its files, from 1 on, if the line is a BATCH message."""

    def __str__(self) -> str:
        """Return the name of the line for people."""
        if not self.part:
            return f"line {self.number:,}"
        return f"line {self.number:,}, record {self.part:,} of its BATCH files"

    @property
    def place(self) -> tuple[int, int]:
        """What identifies it in its input."""
        return self.number, self.part


class Rejected(msgspec.Struct, frozen=True):
    """Why and when a record in a rejects file was rejected."""

    reason: str = ""
    field: str = ""
    detail: str = ""
    status: int | None = None
    at: str | None = None


class RecordLine(msgspec.Struct, frozen=True, gc=False):
    """The record of a line, and why it is in a rejects file."""

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
    if not message.strip():
        return None
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


def holds_records(message: bytes) -> bool:
    """Return whether a line is a record, one that cannot be read, or a BATCH."""
    return record_in(message) is not None or _type_of(message) == "BATCH"


def _type_of(message: bytes) -> object:
    try:
        decoded = jsontext.decode(message)
    except ValueError:
        return None
    return decoded.get("type") if isinstance(decoded, dict) else None


def what_is(message: bytes) -> str:
    """Return what a line is that holds no record, as a sentence for people."""
    if not message.strip():
        return "is empty"
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


def records_of_batch(line: Line, schemes: Collection[str]) -> Iterator[Line]:
    """Yield each record in the files of a BATCH message as a line of its own.

    Any other line is yielded as it is. So is a BATCH message that is no good one, or
    whose files hold messages in the place of records: the run says so.

    Raises:
        InputUnreadable: For a file that cannot be read.
    """
    try:
        decoded = decode_object(line.message)
    except ValueError:
        decoded = {}
    stream, manifest = decoded.get("stream"), decoded.get("manifest")
    encoding = decoded.get("encoding")
    if not (
        decoded.get("type") == "BATCH"
        and isinstance(stream, str)
        and isinstance(encoding, dict)
        and isinstance(manifest, list)
    ):
        yield line
        return
    texts = (text for some in read_batch(encoding, manifest, schemes) for text in some)
    for part, text in enumerate(texts, start=1):
        if part == 1 and _is_message(text):
            yield line
            return
        yield Line(line.number, record_message(stream, text), part)


def _is_message(text: bytes) -> bool:
    try:
        return is_record_message(decode_object(text))
    except ValueError:
        return False


def _shown(line: bytes) -> str:
    text = line.strip().decode("utf-8", "replace")
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
