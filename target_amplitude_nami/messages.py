"""Singer messages out of lines: what is no message is handed over, not raised."""

from __future__ import annotations

import sys
import typing as t
from collections import Counter

from singer_sdk.singerlib.encoding.base import GenericSingerReader, SingerMessageType

from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.lines import read_lines
from target_amplitude_nami.nami import jsontext

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Callable

_BROKEN_LINES_THAT_MEAN_NO_SINGER = 100
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class BadLine(t.NamedTuple):
    """A line that is no message of Singer: a stable reason, and words for people."""

    reason: str
    detail: str


class MessageReader(GenericSingerReader[str]):
    """Reads lines of standard input, or of a file, as Singer messages.

    `line` is the line of the message that is being processed. The hooks are set by the
    target before the first line.
    """

    def __init__(self) -> None:
        """Read nothing yet."""
        super().__init__()
        self.line = b""
        self.begin: Callable[[], None] = lambda: None
        self.is_interrupted: Callable[[], bool] = lambda: False
        self.tick: Callable[[], None] = lambda: None
        self.take_bad_line: Callable[[bytes, BadLine], None] = _refuse
        self._broken_in_a_row = 0
        self._read: Counter[str] = Counter()

    @property
    @override
    def default_input(self) -> t.IO[str]:
        return sys.stdin

    @override
    def deserialize_json(self, line: str | bytes) -> dict[str, t.Any]:
        message = jsontext.decode(line)
        if not isinstance(message, dict):
            msg = "it is no JSON object"
            raise ValueError(msg)  # noqa: TRY004 - one kind of error for a bad line
        return message

    @override
    def process_lines(
        self,
        file_input: t.IO[str] | None,
        callbacks: dict[str, Callable[[dict[str, t.Any]], None]],
    ) -> Counter[str]:
        """Hand every message to the callback of its type; count them by type.

        Raises:
            InputUnreadable: When nothing in a hundred lines was a message.
        """
        self._callbacks = callbacks
        self.begin()
        lines = read_lines(
            self.default_input if file_input is None else file_input,
            is_interrupted=self.is_interrupted,
            tick=self.tick,
        )
        for line in lines:
            self.process_line(line)
        return Counter(
            {kind.value: self._read[kind.value] for kind in SingerMessageType}
        )

    def process_line(self, line: bytes) -> None:
        """Process one line; empty ones hold nothing and are passed over."""
        self.line = line
        try:
            message = self.deserialize_json(line)
        except ValueError as error:
            if line.strip(b" \t\r\n" + _BYTE_ORDER_MARK):
                self._take_broken_line(line, error)
            return
        self._broken_in_a_row = 0
        kind = message.get("type")
        if not isinstance(kind, str) or kind not in self._callbacks:
            self.take_bad_line(
                line,
                BadLine("not_a_singer_message", f"no Singer message has type {kind!r}"),
            )
            return
        self._read[kind] += 1
        self._callbacks[kind](message)

    def _take_broken_line(self, line: bytes, error: ValueError) -> None:
        if line.startswith(_BYTE_ORDER_MARK):
            self.process_line(line.removeprefix(_BYTE_ORDER_MARK))
            return
        self._broken_in_a_row += 1
        self.take_bad_line(line, BadLine("line_not_json", f"not JSON: {error}"))
        if self._broken_in_a_row == _BROKEN_LINES_THAT_MEAN_NO_SINGER:
            raise InputUnreadable(
                f"{self._broken_in_a_row} lines in a row are not JSON, so the input is "
                f"not what a Singer tap writes. Check that the tap prints nothing but "
                f"messages to standard output; the lines are in the rejects file"
            )


def _refuse(_line: bytes, bad: BadLine) -> None:
    raise InputUnreadable(bad.detail)
