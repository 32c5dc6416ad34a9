"""Gives the chosen records of a rejects file to the target, and knows them again.

Beside each record stands the number of its line in place of its reason, so that what
becomes of it can be traced on any path, and no list of records is kept.
"""

from __future__ import annotations

import secrets
import time
import typing as t

from target_amplitude_nami.singer.messages import decode_object
from target_amplitude_nami.singer.reject_lines import (
    UNREADABLE_LINES,
    encode,
    line_of,
    on_one_line,
    unreadable_line,
    with_why,
)
from target_amplitude_nami.singer.reject_reading import (
    RECORD,
    NeededSchemas,
    RejectLine,
    read_reject_line,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_amplitude_nami.singer.retry.reject_filter import RejectFilter

OF_A_SCHEMA: t.Final = -1
"""Stands for the line of a SCHEMA message, which is no reject."""
_MOST_STATES: t.Final = 1_000
"""More of them show more exactly what is settled when a retry does not come to its end,
but with a memory file each may wait for the disk."""
_TICK_SECONDS: t.Final = 0.2


class Feed:
    """The Singer messages of a retry."""

    def __init__(
        self,
        lines: Iterable[bytes],
        reject_filter: RejectFilter,
        tick: Callable[[], None],
    ) -> None:
        """Take where the messages come from.

        Args:
            lines: Those of the file, as it was at the beginning.
            reject_filter: Which of its records are tried again.
            tick: Called about every 0.2 s.
        """
        self._lines = lines
        self._reject_filter = reject_filter
        self._tick = tick
        self.records = 0
        """About how many there will be; set before the first is read."""
        # The number of an earlier retry, beside a record that was held, means nothing.
        self._mark = b'{"retry":"%s","line":' % secrets.token_hex(8).encode()
        self.current: int | None = None
        """The line being read, where an unreadable one can only be its."""
        self.last = -1
        """The last line that was given away; whoever got it may have stopped there."""
        self.is_at_end = False
        """Whether all was read."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield messages, and from time to time a STATE with the lines before it."""
        schemas = NeededSchemas()
        records_per_state = max(1, self.records // _MOST_STATES)
        since_state, number = 0, -1
        next_tick = 0.0
        for number, line in enumerate(self._lines):
            if time.monotonic() >= next_tick:
                self._tick()
                next_tick = time.monotonic() + _TICK_SECONDS
            head = read_reject_line(line)
            if head is None:
                continue
            if head.is_schema:
                schemas.take(head.stream, line)
            elif self._reject_filter.takes(head):
                self.last = number
                if since_state >= records_per_state:
                    yield _state(number)
                    since_state = 0
                since_state += 1
                yield from self._messages(number, line, head, schemas)
                self.current = None
        self.last = number + 1
        yield _state(number + 1)
        self.is_at_end = True

    def number_of(self, line: bytes) -> int | None:
        """Return the number of the line that a record was read from; None: of none."""
        at = line.rfind(self._mark)
        if at < 0:
            return None
        return int(line[at + len(self._mark) :].partition(b"}")[0])

    def _messages(
        self, number: int, line: bytes, head: RejectLine, schemas: NeededSchemas
    ) -> Iterator[bytes]:
        message, stream = on_one_line(line), head.stream
        if stream == UNREADABLE_LINES:
            corrected = _corrected(message)
            kind, its_stream = _kind_of(corrected)
            if kind == "STATE":
                return  # that of a tap means nothing here
            if kind != RECORD:
                if kind == "BATCH":
                    yield from self._schemas_before(its_stream, schemas)
                else:
                    self.current = number
                yield unreadable_line(corrected)
                return
            message, stream = corrected, its_stream
        yield from self._schemas_before(stream, schemas)
        yield with_why(message, self._mark + b"%d}" % number)

    def _schemas_before(self, stream: str, schemas: NeededSchemas) -> Iterator[bytes]:
        self.current = OF_A_SCHEMA
        yield from schemas.before(stream, makes_one=True)
        self.current = None


def _corrected(message: bytes) -> bytes:
    """Return the line that a message of `UNREADABLE_LINES` holds, or else itself."""
    try:
        line = line_of(message)
    except (AttributeError, LookupError, TypeError, ValueError):
        return message  # half a line that was killed, or nothing that was ever one
    return message if line is None else line


def _kind_of(line: bytes) -> tuple[str, str]:
    """Return the type and the stream of a message; empty for what is no good one."""
    try:
        message = decode_object(line)
    except ValueError:
        return "", ""
    kind, stream = message.get("type"), message.get("stream")
    if kind == "STATE" and "value" in message:
        return "STATE", ""
    if not isinstance(stream, str) or stream == UNREADABLE_LINES:
        return "", ""
    if kind == RECORD and isinstance(message.get("record"), dict):
        return RECORD, stream
    is_batch = (
        kind == "BATCH"
        and isinstance(message.get("encoding"), dict)
        and isinstance(message.get("manifest"), list)
    )
    return ("BATCH", stream) if is_batch else ("", "")


def _state(lines: int) -> bytes:
    return encode({"type": "STATE", "value": {"lines": lines}})
