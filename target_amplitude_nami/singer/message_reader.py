"""Reads lines as Singer messages, and hands each to the handler of messages."""

from __future__ import annotations

import sys
import typing as t
from collections import Counter

from singer_sdk.singerlib.encoding.base import GenericSingerReader, SingerMessageType

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.singer.lines import read_lines
from target_amplitude_nami.singer.messages import (
    NOT_USUAL,
    BrokenLines,
    decode_object,
    decode_record_message,
    expect_utf_8,
)
from target_amplitude_nami.singer.reject_lines import (
    BYTE_ORDER_MARK,
    UNREADABLE_LINES,
    line_of,
)

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_amplitude_nami.shutdown import Shutdown
    from target_amplitude_nami.singer.parts import TakeRecord

_LONGEST_SHOWN = 60


class MessageHandler(t.Protocol):
    """What messages are handed to."""

    @property
    def direct_streams(self) -> Mapping[str, TakeRecord]:
        """What takes the records of each stream that has nothing to transform."""

    @property
    def broken_lines(self) -> BrokenLines:
        """What takes lines that are not JSON."""

    def take_record(self, record: dict[str, t.Any], stream: str, line: bytes) -> None:
        """Take the record of a stream that is not among the direct ones."""

    def take_message(self, message: dict[str, t.Any], line: bytes) -> bool:
        """Take a message; return False when no message of Singer has its type."""

    def reject_line(self, line: bytes, refusal: Refusal) -> None:
        """Reject a line that is no message."""


class MessageReader(GenericSingerReader[str]):
    """Reads lines of standard input, or of a file, as Singer messages.

    `failure` is set when the input made no sense.
    """

    def __init__(
        self,
        handler: MessageHandler,
        shutdown: Shutdown,
        *,
        begin: Callable[[], None],
        tick: Callable[[], None],
        is_enabled: bool = True,
    ) -> None:
        """Initialise without reading.

        Args:
            handler: Takes the messages.
            shutdown: Once it is requested, no further line is read.
            begin: Called before the first line is read.
            tick: Called about every 0.2 s, also while no input comes.
            is_enabled: Whether messages are handled; if not, lines are read to their
                end and nothing is done with them.
        """
        super().__init__()
        self.failure: InputUnreadable | None = None
        self._handler = handler
        self._broken_lines = handler.broken_lines
        self._shutdown = shutdown
        self._begin = begin
        self._tick = tick
        self._is_enabled = is_enabled
        # A Counter adds in ten times the time.
        self._read = {kind.value: 0 for kind in SingerMessageType}

    @property
    @override
    def default_input(self) -> t.IO[str]:
        return sys.stdin

    @override
    def deserialize_json(self, line: str | bytes) -> dict[str, t.Any]:
        return decode_object(line)

    @override
    def process_lines(
        self,
        file_input: t.IO[str] | None,
        callbacks: Mapping[str, Callable[[dict[str, t.Any]], None]] | None = None,
    ) -> Counter[str]:
        """Hand every message to the handler; count them by type.

        Input that makes no sense ends here, as if it had come to its end, so that what
        was read before can be delivered; `failure` says then what is wrong with it.

        Args:
            file_input: The input; None: standard input.
            callbacks: Those of the SDK, for which the handler stands in.
        """
        try:
            self._process_all(self.default_input if file_input is None else file_input)
        except InputUnreadable as error:
            self.failure = error
        return Counter(self._read)

    def _process_all(self, file: t.IO[str]) -> None:
        self._begin()
        if t.cast("object", file) is None:
            raise InputUnreadable("there is no input: standard input is closed")
        batches = read_lines(file, self._shutdown, tick=self._tick)
        if not self._is_enabled:
            for _ in batches:
                pass
            return
        is_first = True
        shutdown, process_line = self._shutdown, self.process_line
        for lines in batches:
            for line in lines:
                # After a request, one would be read behind one that is unfinished.
                if shutdown.is_requested:
                    return
                if is_first:
                    expect_utf_8(line)
                    is_first = False
                process_line(line)

    def process_line(self, line: bytes) -> None:
        """Process one line; empty ones hold nothing and are skipped.

        Raises:
            InputUnreadable: When nothing in a hundred lines was a message.
        """
        try:
            message = decode_record_message(line)
        except NOT_USUAL:
            self._process_any(line)
            return
        if self._broken_lines.in_a_row:
            self._broken_lines.note_readable()
        self._read["RECORD"] += 1
        take = self._handler.direct_streams.get(message.stream)
        if take is not None:
            take(message.record, message.stream, line)
        else:
            self._take_record(message.record, message.stream, line)

    def _take_record(self, record: dict[str, t.Any], stream: str, line: bytes) -> None:
        if stream == UNREADABLE_LINES and (corrected := line_of(line)) is not None:
            self.process_line(corrected)
        else:
            self._handler.take_record(record, stream, line)

    def _process_any(self, line: bytes) -> None:
        try:
            message = decode_object(line)
        except ValueError as error:
            if line.removeprefix(BYTE_ORDER_MARK).strip():
                self._broken_lines.reject(line, error)
            return
        self._broken_lines.note_readable()
        kind: t.Any = message.get("type")
        stream, record = message.get("stream"), message.get("record")
        if kind == "RECORD" and isinstance(stream, str) and isinstance(record, dict):
            self._read["RECORD"] += 1
            self._take_record(record, stream, line)
        elif self._handler.take_message(message, line):
            self._read[kind] = self._read.get(kind, 0) + 1
        else:
            detail = f"no Singer message has type {repr(kind)[:_LONGEST_SHOWN]}"
            refusal = Refusal("not_a_singer_message", "", detail)
            self._handler.reject_line(line, refusal)
