"""Singer messages out of lines: what is no message is handed over, not raised."""

from __future__ import annotations

import itertools
import json
import sys
import typing as t
from collections import Counter

import msgspec
import simplejson
from singer_sdk.singerlib.encoding.base import GenericSingerReader, SingerMessageType

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.singer.lines import read_lines

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BROKEN_LINES_THAT_MEAN_NO_SINGER = 100
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_STARTS: t.Final = (b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{")
"""With a byte order mark, or with none before the first brace."""
_LONGEST_SHOWN = 60


class BadLine(t.NamedTuple):
    """A line that is no message of Singer: a stable reason, and words for people."""

    reason: str
    detail: str


class _Record(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A RECORD message as taps write it, and as it stands in the rejects file.

    Any other is read as messages of other types are. Nothing needs the last three, but
    what is not named would be passed over without a look at whether it is JSON.
    """

    type: t.Literal["RECORD"]
    stream: str
    record: dict[str, t.Any]
    version: t.Any = None
    time_extracted: t.Any = None
    rejected: t.Any = None


_decode_record: t.Final = jsontext.decoder_of(_Record)

_OF_A_RECORD_MESSAGE: t.Final = frozenset(_Record.__struct_fields__)

TOO_DEEP: t.Final = BadLine("too_deep", "the message is nested too deep to be read")


MESSAGE_IN_BATCH: t.Final = BadLine(
    "message_in_batch",
    "the BATCH file holds a RECORD message where a record belongs",
)


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
        self.take_record: Callable[[str, dict[str, t.Any], bytes], None] = _pass_over
        """Takes the stream, record and line of a usual RECORD message."""
        self.take_bad_line: Callable[[bytes, BadLine], None] = _refuse
        self.failure: InputUnreadable | None = None
        """What is wrong with the input, if it made no sense."""
        self.passes_over = False
        """Whether lines are read to the end, and nothing is done with them."""
        self._broken_in_a_row = 0
        # A Counter adds in ten times the time.
        self._read = {kind.value: 0 for kind in SingerMessageType}

    @property
    @override
    def default_input(self) -> t.IO[str]:
        return sys.stdin

    @override
    def deserialize_json(self, line: str | bytes) -> dict[str, t.Any]:
        try:
            message = jsontext.decode(line)
        except jsontext.TooDeep:
            raise
        except ValueError as error:
            raise ValueError(f"not JSON: {error}") from error
        if not isinstance(message, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 - one for a bad line
        return message

    @override
    def process_lines(
        self,
        file_input: t.IO[str] | None,
        callbacks: dict[str, Callable[[dict[str, t.Any]], None]],
    ) -> Counter[str]:
        """Hand every message to the callback of its type; count them by type.

        Input that makes no sense ends here, as if it had come to its end, so that what
        was read before can be delivered; `failure` says then what is wrong with it.
        """
        self._callbacks = callbacks
        self.begin()
        try:
            self._process_all(self.default_input if file_input is None else file_input)
        except InputUnreadable as error:
            self.failure = error
        return Counter(self._read)

    def _process_all(self, file: t.IO[str]) -> None:
        if t.cast("object", file) is None:
            raise InputUnreadable("there is no input: standard input is closed")
        lines = read_lines(file, is_interrupted=self.is_interrupted, tick=self.tick)
        if self.passes_over:
            for _ in lines:
                pass
            return
        for line in itertools.islice(lines, 1):
            _expect_utf_8(line)
            self.process_line(line)
        for line in lines:
            self.process_line(line)

    def process_line(self, line: bytes) -> None:
        """Process one line; empty ones hold nothing and are passed over.

        Raises:
            InputUnreadable: When nothing in a hundred lines was a message.
        """
        self.line = line
        try:
            message = _decode_record(line)
        except (msgspec.DecodeError, ValueError):
            message = None
        if message is None:
            self._process_any(line)
            return
        self._broken_in_a_row = 0
        self._read["RECORD"] += 1
        try:
            self.take_record(message.stream, message.record, line)
        except RecursionError:
            self.take_bad_line(line, TOO_DEEP)

    def _process_any(self, line: bytes) -> None:
        try:
            message = self.deserialize_json(line)
        except jsontext.TooDeep:
            self.take_bad_line(line, TOO_DEEP)
            return
        except ValueError as error:
            if line.removeprefix(_BYTE_ORDER_MARK).strip():
                self.take_broken_line(line, error)
            return
        self.note_readable_line()
        kind = message.get("type")
        if not isinstance(kind, str) or (call := self._callbacks.get(kind)) is None:
            detail = f"no Singer message has type {repr(kind)[:_LONGEST_SHOWN]}"
            self.take_bad_line(line, BadLine("not_a_singer_message", detail))
            return
        self._read[kind] = self._read.get(kind, 0) + 1
        try:
            call(message)
        except RecursionError:
            self.take_bad_line(line, TOO_DEEP)

    def note_readable_line(self) -> None:
        """Take note that a line could be read: the broken ones before are mishaps."""
        self._broken_in_a_row = 0

    def take_broken_line(self, line: bytes, error: ValueError) -> None:
        """Hand over a line that is no JSON object.

        Raises:
            InputUnreadable: When it is the hundredth in a row.
        """
        self._broken_in_a_row += 1
        self.take_bad_line(line, BadLine("line_not_json", str(error)))
        if self._broken_in_a_row == _BROKEN_LINES_THAT_MEAN_NO_SINGER:
            raise InputUnreadable(
                f"{self._broken_in_a_row} lines in a row are not JSON, so the input is "
                f"not what a Singer tap writes. Check that the tap prints nothing but "
                f"messages to standard output; the lines are in the rejects file"
            )


def is_record_message(record: Mapping[str, t.Any]) -> bool:
    """Tell whether what should be a record is a whole RECORD message."""
    return (
        record.get("type") == "RECORD"
        and isinstance(record.get("stream"), str)
        and isinstance(record.get("record"), dict)
        and _OF_A_RECORD_MESSAGE.issuperset(record)
    )


def state_of(line: bytes) -> bytes:
    """Return the value of a STATE message: all that JSON can say, in ASCII.

    Its numbers mean something to the tap alone, and stay as they are spelt.

    Raises:
        RecursionError: When it is nested too deep.
    """
    message = json.loads(
        line.decode("utf-8-sig", "surrogatepass"),
        parse_float=simplejson.RawJSON,
        parse_int=simplejson.RawJSON,
    )
    text = simplejson.dumps(message["value"], allow_nan=True, separators=(",", ":"))
    return text.encode("ascii")


def _expect_utf_8(line: bytes) -> None:
    """Make sure that the first line is not of an input that no line can be read of.

    Raises:
        InputUnreadable: When it is UTF-16, or UTF-32, which begins in the same way.
    """
    if line.startswith(UTF_16_STARTS):
        raise InputUnreadable(
            "the input is UTF-16, and Singer messages are UTF-8, so nothing was read. "
            "PowerShell writes UTF-16 where it redirects output into a file with `>`: "
            "write UTF-8, or convert the file first (iconv -f UTF-16 -t UTF-8)"
        )


def _pass_over(_stream: str, _record: dict[str, t.Any], _line: bytes) -> None:
    pass


def _refuse(_line: bytes, bad: BadLine) -> None:
    raise InputUnreadable(bad.detail)
