"""Finds a person's records in a rejects file, and takes them out."""

from __future__ import annotations

import typing as t

from target_amplitude_nami import jsontext
from target_amplitude_nami.erasing.mentions import Mentions
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.records import RecordReader
from target_amplitude_nami.singer.reject_lines import (
    UNREADABLE_LINES,
    digest,
    line_of,
)
from target_amplitude_nami.singer.reject_reading import NeededSchemas, read_reject_line

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from target_amplitude_nami.erasing.person import Person

_SCHEMA: t.Final = b'"SCHEMA"'


class StreamSettings(t.Protocol):
    """The settings that say what streams hold."""

    @property
    def event_streams(self) -> Sequence[str]:
        """Names and patterns of the streams that hold events."""

    @property
    def user_streams(self) -> Sequence[str]:
        """Names and patterns of the streams that hold users."""


class RejectsEraser:
    """Takes a person's records out of the lines of a rejects file.

    A record is the person's by the ids that `nami/` reads from it, whatever its shape.
    Where it reads no user, any member or word counts that is one of the ids: a record
    may be a reject just because its columns have other names.
    """

    def __init__(
        self, person: Person, streams: StreamSettings, *, separator: str
    ) -> None:
        """Take the person, and how records are read.

        Args:
            person: The person.
            streams: The settings.
            separator: What stands between the parts of a flattened column's name.
        """
        self._person = person
        self._streams = streams
        self._separator = separator
        self._mentions = Mentions(person, person.nami_user_ids)
        self._readers: dict[str, RecordReader] = {}
        self.erased: list[bytes] = []
        """The hashes of the lines that were taken out."""
        self.moves: list[tuple[int, int]] = []
        """From which offset on the lines moved towards the start, and how far."""

    def count(self, lines: Iterable[bytes]) -> int:
        """Return how many lines are the person's."""
        return sum(map(self._is_theirs, lines))

    def without_person(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the lines that stay; SCHEMA messages only where a record follows.

        Args:
            lines: With their ends.
        """
        self._readers, self.erased, self.moves = {}, [], []
        schemas = NeededSchemas()
        at = now_at = 0
        for line in lines:
            place = at
            at += len(line)
            if self._is_theirs(line):
                self.erased.append(digest(line.rstrip(b"\r\n")))
                continue
            head = read_reject_line(line)
            if head is not None and head.is_schema:
                schemas.take(head.stream, line)
                continue
            for schema in schemas.before("" if head is None else head.stream):
                now_at += len(schema)
                yield schema
            if place - now_at != (self.moves[-1][1] if self.moves else 0):
                self.moves.append((place, place - now_at))
            now_at += len(line)
            yield line

    def _is_theirs(self, line: bytes) -> bool:
        if _SCHEMA in line and _is_schema(line):
            self._note_schema(line)
            return False
        if not self._mentions.may_be_in(line):
            return False
        try:
            message = jsontext.decode(line)
            stream, record = message["stream"], message["record"]
            if stream == UNREADABLE_LINES:
                inner = line_of(line)
                return self._mentions.in_line(line if inner is None else inner)
            read = self._reader_of(stream).read(record)
        except (UnreadableRecord, AttributeError, KeyError, TypeError, ValueError):
            return self._mentions.in_line(line)
        if read is None:
            return self._mentions.in_json(record)
        names_no_user = read.user_id is None and read.external_id is None
        return self._person.has_record(
            nami_user_id=read.user_id,
            external_id=read.external_id,
            device_ids=[
                *([] if read.device_id is None else [read.device_id]),
                *(read.state.device_ids or ()),
            ],
        ) or (names_no_user and self._mentions.in_json(record))

    def _note_schema(self, line: bytes) -> None:
        """Read the records that follow with the columns that are declared."""
        try:
            message = jsontext.decode(line)
            stream, columns = message["stream"], message["schema"]["properties"]
            self._readers[stream] = self._new_reader(stream, tuple(columns))
        except (KeyError, TypeError, ValueError):
            return

    def _reader_of(self, stream: str) -> RecordReader:
        reader = self._readers.get(stream)
        if reader is None:
            reader = self._readers[stream] = self._new_reader(stream)
        return reader

    def _new_reader(self, stream: str, columns: Sequence[str] = ()) -> RecordReader:
        return RecordReader(
            stream,
            columns,
            event_streams=self._streams.event_streams,
            user_streams=self._streams.user_streams,
            separator=self._separator,
        )


def _is_schema(line: bytes) -> bool:
    if _SCHEMA not in line:
        return False
    try:
        message = jsontext.decode(line)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("type") == "SCHEMA"
