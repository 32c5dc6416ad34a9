"""Brings each record to the sinks of its stream, through the user's stream maps."""

from __future__ import annotations

import contextlib
import typing as t

from singer_sdk.mapper import SameRecordTransform

from target_amplitude_nami.nami.deleted import MARKS, DeletedRows
from target_amplitude_nami.outcomes import Origin, Refusal
from target_amplitude_nami.pipeline.event_filter import OTHER
from target_amplitude_nami.singer.reject_lines import UNREADABLE_LINES
from target_amplitude_nami.singer.sink import DELETED_AT_SOURCE
from target_amplitude_nami.singer.stream_mapper import transform

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.mapper import StreamMap

    from target_amplitude_nami.singer.parts import Outcomes, SingerRejects, TakeRecord
    from target_amplitude_nami.singer.recognition import Recognition
    from target_amplitude_nami.singer.sink import NamiSink
    from target_amplitude_nami.singer.stream_mapper import StreamMapper

Record: t.TypeAlias = dict[str, t.Any]


class StreamRouter:
    """Transforms the records of each stream, and passes them to its sinks.

    `direct_streams` is what takes the records of each stream that has nothing to
    transform: most do, and their records need not come by here.
    """

    def __init__(
        self,
        outcomes: Outcomes,
        maps: StreamMapper,
        recognition: Recognition,
        rejects: SingerRejects,
        *,
        find_sink: Callable[[str], NamiSink | None],
    ) -> None:
        """Start with no stream.

        Args:
            outcomes: Takes those of records that reach no sink.
            maps: The user's stream maps.
            recognition: Takes note of records that reach no sink.
            rejects: Takes records of streams that have no SCHEMA.
            find_sink: Returns the sink of a stream, by its name after the maps; None
                where a bad SCHEMA has left it without one.
        """
        self.direct_streams: dict[str, TakeRecord] = {}
        self._outcomes = outcomes
        self._maps = maps
        self._recognition = recognition
        self._rejects = rejects
        self._find_sink = find_sink
        self._is_deleted = DeletedRows().is_deleted

    @contextlib.contextmanager
    def changing(self, stream: str) -> Iterator[None]:
        """Have the maps and sinks of a stream made anew, for a SCHEMA message."""
        names = self._sink_names_of(stream)
        try:
            yield
        except Exception:
            self._maps.stream_maps.pop(stream, None)  # half made
            raise
        finally:
            # One of the sinks may be that of another stream of the name.
            for name in {stream} | names | self._sink_names_of(stream):
                self._find_direct(name)

    def _sink_names_of(self, stream: str) -> set[str]:
        return {each.stream_alias for each in self._maps.stream_maps.get(stream, ())}

    def _find_direct(self, stream: str) -> None:
        """Find out, once for many records, whether a stream's need no transforming."""
        maps = self._maps.stream_maps.get(stream, ())
        sink = None
        if (
            len(maps) == 1
            and stream != UNREADABLE_LINES
            and isinstance(maps[0], SameRecordTransform)
            and not maps[0].flattening_enabled
            # The SDK gives what it leaves as it is the name of its stream.
            and maps[0].stream_alias == stream
        ):
            sink = self._find_sink(stream)
        if sink is None:
            self.direct_streams.pop(stream, None)
        else:
            self.direct_streams[stream] = sink.take

    def take(self, record: Record, stream: str, line: bytes) -> None:
        """Transform a record and hand it to its sinks.

        Args:
            record: The record.
            stream: Its stream.
            line: Its message.
        """
        # A map may fail for a deleted row, or leave out its mark with all that it does
        # not name; one that names the mark decides itself what becomes of the row.
        is_deleted = self._is_deleted(record) and not self._maps.name_any(stream, MARKS)
        stream_maps = self._maps.stream_maps.get(stream)
        if stream_maps is None:
            self._take_without_schema(record, stream, line, is_deleted=is_deleted)
            return
        for stream_map in stream_maps:
            self._take_mapped(stream_map, record, stream, line, is_deleted=is_deleted)

    def _take_mapped(
        self,
        stream_map: StreamMap,
        record: Record,
        stream: str,
        line: bytes,
        *,
        is_deleted: bool,
    ) -> None:
        origin = Origin(OTHER, stream, line)
        alias = stream_map.stream_alias
        try:
            mapped = transform(stream_map, record)
        except Exception as error:  # noqa: BLE001 - any expression of the user's
            self._recognition.note_unseen_record(alias, record, is_deleted=is_deleted)
            if is_deleted:
                self._outcomes.filter(origin, DELETED_AT_SOURCE)
            else:
                refusal = Refusal("stream_map_failed", "", f"{error}")
                self._outcomes.reject(origin, refusal)
            return
        if mapped is None:
            self._outcomes.filter(origin, "stream_map")
        elif (sink := self._find_sink(alias)) is None:  # another stream has broken it
            self._take_without_schema(record, stream, line, is_deleted=is_deleted)
        elif is_deleted:
            sink.take_deleted(mapped, stream, line)
        else:
            sink.take(mapped, stream, line)

    def _take_without_schema(
        self, record: Record, stream: str, line: bytes, *, is_deleted: bool
    ) -> None:
        origin = Origin(OTHER, stream, line)
        self._recognition.note_unseen_record(stream, record, is_deleted=is_deleted)
        if is_deleted:
            self._outcomes.filter(origin, DELETED_AT_SOURCE)
            return
        self._rejects.declare_if_missing(stream)
        detail = f"no valid SCHEMA of stream {stream} came before this record"
        self._outcomes.reject(origin, Refusal("record_before_schema", "", detail))
