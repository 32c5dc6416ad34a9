"""Decodes Singer messages, and finds why a line is none."""

from __future__ import annotations

import json
import typing as t

import msgspec
import simplejson

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.outcomes import Refusal

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

UTF_16_STARTS: t.Final = (b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{")
"""With a byte order mark, or with none before the first brace."""

_BROKEN_LINES_THAT_MEAN_NO_SINGER = 100
_MOST_LEVELS = jsontext.MOST_LEVELS + 1
"""A message is a level around its record or value."""


class RecordMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A RECORD message as taps write it, and as it stands in the rejects file.

    Any other is read as messages of other types are. Nothing needs the last three, but
    what is not named would be skipped without a check whether it is JSON.
    """

    type: t.Literal["RECORD"]
    stream: str
    record: dict[str, t.Any]
    version: t.Any = None
    time_extracted: t.Any = None
    rejected: t.Any = None


decode_record_message: t.Final = jsontext.decoder_of(RecordMessage)
"""Decodes a usual RECORD message; fails with `NOT_USUAL` for any other line."""

decode_usual_object: t.Final = jsontext.decoder_of(dict[str, t.Any])
"""Decodes a usual JSON object, such as a record of a BATCH file; fails likewise."""

NOT_USUAL: t.Final = (msgspec.DecodeError, ValueError)

_FIELDS_OF_RECORD_MESSAGE: t.Final = frozenset(RecordMessage.__struct_fields__)

TOO_DEEP: t.Final = Refusal("too_deep", "", "the message is nested too deep to be read")

MESSAGE_IN_BATCH: t.Final = Refusal(
    "message_in_batch",
    "",
    "the BATCH file holds a RECORD message where a record belongs",
)


def decode_object(text: str | bytes) -> dict[str, t.Any]:
    """Decode a JSON object: a message, or the record of one.

    Raises:
        TooDeep: When it is nested too deep.
        ValueError: When it is not JSON, or not an object.
    """
    try:
        value = jsontext.decode(text, most_levels=_MOST_LEVELS)
    except jsontext.TooDeep:
        raise
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one for a bad line
    return value


def is_record_message(record: Mapping[str, t.Any]) -> bool:
    """Return whether what should be a record is a whole RECORD message."""
    return (
        record.get("type") == "RECORD"
        and isinstance(record.get("stream"), str)
        and isinstance(record.get("record"), dict)
        and _FIELDS_OF_RECORD_MESSAGE.issuperset(record)
    )


def state_of(line: bytes) -> bytes:
    """Return the value of a STATE message: all that JSON can say, in ASCII."""
    return encode_as_spelt(decode_as_spelt(line)["value"])


def decode_as_spelt(line: bytes) -> t.Any:
    """Decode a message that `decode_object` can decode, and lose nothing of it.

    Numbers stay as they are spelt, and halves of characters stay halves.
    """
    return json.loads(
        line.decode("utf-8-sig", "surrogatepass"),
        parse_float=simplejson.RawJSON,
        parse_int=simplejson.RawJSON,
    )


def encode_as_spelt(value: t.Any) -> bytes:
    """Encode what `decode_as_spelt` has decoded, in ASCII."""
    text = simplejson.dumps(value, allow_nan=True, separators=(",", ":"))
    return text.encode("ascii")


def expect_utf_8(line: bytes) -> None:
    """Make sure that the first line is not UTF-16, of which no line can be read.

    Raises:
        InputUnreadable: When it is UTF-16, or UTF-32, which begins in the same way.
    """
    if line.startswith(UTF_16_STARTS):
        raise InputUnreadable(
            "the input is UTF-16, and Singer messages are UTF-8, so nothing was read. "
            "PowerShell writes UTF-16 where it redirects output into a file with `>`: "
            "write UTF-8, or convert the file first (iconv -f UTF-16 -t UTF-8)"
        )


class BrokenLines:
    """Rejects lines that are not JSON, until so many in a row are not Singer output.

    `in_a_row` is how many there are since a line could be read.
    """

    def __init__(self, reject_line: Callable[[bytes, Refusal], None]) -> None:
        """Start with no broken line.

        Args:
            reject_line: Rejects a line that is no message.
        """
        self._reject_line = reject_line
        self.in_a_row = 0

    def note_readable(self) -> None:
        """Note that a line could be read: the broken ones before it are mishaps."""
        self.in_a_row = 0

    def reject(self, line: bytes, error: ValueError) -> None:
        """Reject a line that `decode_object` has failed for.

        Args:
            line: The line; of a BATCH file, the message that its record would have.
            error: Why it failed.

        Raises:
            InputUnreadable: When it is the hundredth in a row.
        """
        if isinstance(error, jsontext.TooDeep):
            self._reject_line(line, TOO_DEEP)
            return
        self.in_a_row += 1
        self._reject_line(line, Refusal("line_not_json", "", str(error)))
        if self.in_a_row == _BROKEN_LINES_THAT_MEAN_NO_SINGER:
            raise InputUnreadable(
                f"{self.in_a_row} lines in a row are not JSON, so the input is not "
                f"what a Singer tap writes. Check that the tap prints nothing but "
                f"messages to standard output; the lines are in the rejects file"
            )
