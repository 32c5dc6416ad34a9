"""The lines of the rejects file: a message, and beside its record the reason."""

from __future__ import annotations

import datetime as dt
import functools
import json
import typing as t
from hashlib import blake2b

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.singer.messages import decode_as_spelt, encode_as_spelt
from target_amplitude_nami.text import printable

if t.TYPE_CHECKING:
    from target_amplitude_nami.outcomes import Refusal

BYTE_ORDER_MARK: t.Final = b"\xef\xbb\xbf"
UNREADABLE_LINES: t.Final = "_unreadable_lines"
"""The stream of lines that are no Singer message: their record is `{"line": "…"}`."""

_BLANKS = bytes.maketrans(b"\r\n", b"  ")
_WHY = "rejected"
_KEY = b',"rejected":'


def is_reject(line: bytes) -> bool:
    """Return whether a message comes from a rejects file, with its reason."""
    if b'"rejected"' not in line:
        return False
    try:
        return isinstance(jsontext.decode(line).get(_WHY), dict)
    except (AttributeError, ValueError):
        return False


def on_one_line(text: bytes) -> bytes:
    """Return a JSON text without what must not stand within a line of a file.

    In JSON, an end of a line is as good as a blank.
    """
    text = text.removeprefix(BYTE_ORDER_MARK).strip()
    if b"\r" in text or b"\n" in text:
        return text.translate(_BLANKS)
    return text


class _Record(msgspec.Struct):
    """What identifies a message: not when it was extracted."""

    record: msgspec.Raw


_record_in: t.Final = msgspec.json.Decoder(_Record).decode


def key_of(stream: str, line: bytes) -> bytes:
    """Return a hash of a record that is the same in every run."""
    try:
        record = bytes(_record_in(line).record)
    except (msgspec.DecodeError, ValueError):
        record = _without_reason(line)
    name = stream.encode("utf-8", "surrogatepass")
    return blake2b(name + b"\0" + record, digest_size=16).digest()


def digest(line: bytes) -> bytes:
    """Return the hash that identifies a line."""
    return blake2b(line, digest_size=16).digest()


def with_reason(line: bytes, refusal: Refusal, integration: str) -> bytes:
    """Put the reason beside the record, leaving every byte of it as it was."""
    why = {
        "reason": refusal.reason,
        "field": printable(refusal.field),
        "detail": printable(refusal.detail),
        "status": refusal.status,
        "integration": integration,
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    return with_why(line, encode(why))


def with_why(line: bytes, why: bytes) -> bytes:
    """Put a JSON text beside the record, in place of the reason that may be there."""
    if b'"rejected"' in line:
        line = _without_reason(line)
    return line.rstrip()[:-1] + _KEY + why + b"}"


def _without_reason(line: bytes) -> bytes:
    """Drop the reason of an earlier run from a message that is read again."""
    at = line.rfind(_KEY)
    if _keys(b"{" + line[at + 1 :]) == {_WHY}:  # as this module has written it
        return line[:at] + b"}"
    if _WHY not in _keys(line):  # it stands within the record
        return line
    message = decode_as_spelt(line)
    del message[_WHY]
    return encode_as_spelt(message)


def _keys(text: bytes) -> t.Collection[str]:
    try:
        return t.cast("dict[str, t.Any]", jsontext.decode(text)).keys()
    except ValueError:
        return ()


def encode(value: object) -> bytes:
    """Return a value as JSON in ASCII."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def schema_message(stream: str, columns: t.Mapping[str, t.Any] | None = None) -> bytes:
    """Return a SCHEMA message that allows anything, and names some columns."""
    return encode(
        {
            "type": "SCHEMA",
            "stream": stream,
            "schema": {"type": "object", "properties": columns or {}},
            "key_properties": [],
        }
    )


def unreadable_line(line: bytes) -> bytes:
    """Return a RECORD message that holds a line which is no Singer message."""
    text = line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    return encode(
        {"type": "RECORD", "stream": UNREADABLE_LINES, "record": {"line": text}}
    )


def line_of(message: bytes) -> bytes | None:
    """Return the line that a RECORD message of `UNREADABLE_LINES` holds.

    Bytes that are not UTF-8 stand in it as halves of characters.
    """
    line = decode_as_spelt(message)["record"].get("line")
    if not isinstance(line, str):
        return None
    try:
        return line.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return line.encode("utf-8", "surrogatepass")


def record_message(stream: str, record: bytes) -> bytes:
    """Return the RECORD message for a record that came without one."""
    text = record.removeprefix(BYTE_ORDER_MARK).strip()
    return b"".join((_start_of_record_message(stream), text, b"}"))


@functools.lru_cache
def _start_of_record_message(stream: str) -> bytes:
    return b'{"type":"RECORD","stream":%s,"record":' % encode(stream)
