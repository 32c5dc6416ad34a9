"""Reads the input of a command: Singer messages, or plain records one a line."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.singer.reject_lines import record_message, schema_message

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PLAIN_STREAM: t.Final = "records"
"""The stream that plain records are given."""
_MESSAGES = frozenset({"RECORD", "SCHEMA", "STATE", "BATCH", "ACTIVATE_VERSION"})


def read_input(path: str) -> Iterator[bytes]:
    """Yield the lines of a file, or of standard input for `-`, as Singer messages.

    Args:
        path: A file of Singer messages, a rejects file, or records as JSON, one a line.

    Raises:
        InputUnreadable: When the file cannot be read.
    """
    yield from as_messages(read_lines(path))


def read_lines(path: str) -> Iterator[bytes]:
    """Yield the lines of a file, or of standard input for `-`, as they are.

    Raises:
        InputUnreadable: When the file cannot be read.
    """
    try:
        if path == "-":
            if sys.stdin is None:
                raise InputUnreadable("standard input is closed")
            yield from sys.stdin.buffer
        else:
            with Path(path).open("rb") as file:
                yield from file
    except OSError as error:
        raise InputUnreadable(f"{path} cannot be read ({error.strerror})") from error


def as_messages(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield lines, and those that hold a plain record as RECORD messages.

    The first of these follows a SCHEMA message that allows anything.
    """
    has_schema = False
    for line in lines:
        if not _is_plain_record(line):
            yield line
            continue
        if not has_schema:
            yield schema_message(PLAIN_STREAM)
            has_schema = True
        yield record_message(PLAIN_STREAM, line)


def _is_plain_record(line: bytes) -> bool:
    try:
        value: object = jsontext.decode(line)
    except ValueError:
        return False
    # A webhook may have a `type` of its own.
    return isinstance(value, dict) and not (
        value.get("type") in _MESSAGES
        and ("stream" in value or value["type"] == "STATE")
    )
