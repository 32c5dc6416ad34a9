"""Reads the input of a command: Singer messages, or plain records one a line."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
import typing as t
from pathlib import Path

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.singer.input_lines import Line
from target_amplitude_nami.singer.reject_lines import record_message, schema_message

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PLAIN_STREAM: t.Final = "records"
"""The stream that plain records are given."""
_NO_ROOM: t.Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_MESSAGES = frozenset({"RECORD", "SCHEMA", "STATE", "BATCH", "ACTIVATE_VERSION"})


def read_input(path: str) -> Iterator[bytes]:
    """Yield the lines of a file, or of standard input for `-`, as Singer messages.

    Args:
        path: A file of Singer messages, a rejects file, or records as JSON, one a line.

    Raises:
        InputUnreadable: When the file cannot be read.
    """
    for line in numbered(read_lines(path)):
        yield line.message


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


class RepeatableInput:
    """An input that can be read several times; a pipe is kept in a temporary file."""

    def __init__(self, path: str) -> None:
        """Take the path; `-` is standard input."""
        self._path = path
        self._ways_out = contextlib.ExitStack()
        self.name = "standard input" if path == "-" else path

    def __enter__(self) -> t.Self:
        """Open the file.

        Raises:
            InputUnreadable: When it cannot be read.
        """
        try:
            file = self._ways_out.enter_context(self._open())
            if self._path == "-" or not _is_regular(file):
                file = self._kept(file)
        except InputUnreadable:
            self._ways_out.close()
            raise
        except OSError as error:
            self._ways_out.close()
            raise self._unreadable(error) from error
        self._file = file
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._ways_out.close()

    def lines(self) -> Iterator[Line]:
        """Yield the numbered messages, from the first on.

        Raises:
            InputUnreadable: When the file cannot be read.
        """
        try:
            self._file.seek(0)
            yield from numbered(self._file)
        except OSError as error:
            raise self._unreadable(error) from error

    def _open(self) -> t.BinaryIO:
        if self._path == "-":
            if sys.stdin is None:
                raise InputUnreadable("standard input is closed")
            return t.cast("t.BinaryIO", contextlib.nullcontext(sys.stdin.buffer))
        return Path(self._path).open("rb")

    def _kept(self, pipe: t.BinaryIO) -> t.BinaryIO:
        """Return a file of what comes out of a pipe.

        Raises:
            OSError: When the pipe cannot be read.
            InputUnreadable: When there is no room for the file.
        """
        kept: t.BinaryIO | None = None
        try:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - the stack closes it
            kept = self._ways_out.enter_context(file)
            shutil.copyfileobj(pipe, kept)
            kept.flush()
        except OSError as error:
            if kept is not None:
                with contextlib.suppress(OSError):  # It tries to write once more.
                    kept.close()
                if error.errno not in _NO_ROOM:
                    raise
            raise InputUnreadable(
                f"{self.name} can be read once only, and there is no room for a copy "
                f"of it ({error.strerror}): name a file instead, or a folder for "
                f"temporary files in the environment variable TMPDIR"
            ) from error
        return kept

    def _unreadable(self, error: OSError) -> InputUnreadable:
        return InputUnreadable(f"{self.name} cannot be read ({error.strerror})")


def _is_regular(file: t.BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def numbered(lines: Iterable[bytes]) -> Iterator[Line]:
    """Yield lines as Singer messages, with their numbers.

    Plain records become RECORD messages. The SCHEMA message that precedes the first of
    them, and allows anything, has the number 0.
    """
    has_schema = False
    for number, line in enumerate(lines, start=1):
        if not _is_plain_record(line):
            yield Line(number, line)
            continue
        if not has_schema:
            yield Line(0, schema_message(PLAIN_STREAM))
            has_schema = True
        yield Line(number, record_message(PLAIN_STREAM, line))


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
