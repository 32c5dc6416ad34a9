"""Tallies a rehearsal by stream: shapes, columns, and what would become of records."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.nami.shapes import shape_of
from target_amplitude_nami.pipeline.event_filter import OTHER, USERS

if t.TYPE_CHECKING:
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Origin, Project, Refusal

MOST_STREAMS: t.Final = 50
_MOST_COLUMNS: t.Final = 200
_MOST_LAYOUTS: t.Final = 50
_MOST_REASONS: t.Final = 50
_MOST_NAMES: t.Final = 10_000
REST: t.Final = "…"
"""Under which the streams, columns and reasons beyond these numbers are counted."""


class _Message(msgspec.Struct):
    record: dict[str, msgspec.Raw] = {}


class _Event(msgspec.Struct):
    event_properties: dict[str, msgspec.Raw] = {}


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_event = msgspec.json.Decoder(_Event).decode
"""They decode names alone, which is all that most records are looked at for."""


@dataclass
class StreamFigures:
    """What was seen of one stream."""

    kinds: Counter[str] = field(default_factory=Counter)
    """Records by event type, `(user records)` or `(other)`."""
    outcomes: Counter[str] = field(default_factory=Counter)
    filtered: Counter[str] = field(default_factory=Counter)
    """By reason."""
    rejected: Counter[str] = field(default_factory=Counter)
    """By reason."""
    released: int = 0
    """How many of the records came out of the memory, not out of the input."""
    forms: dict[str, None] = field(default_factory=dict)
    """The shapes, in words."""
    used: dict[str, None] = field(default_factory=dict)
    properties: dict[str, None] = field(default_factory=dict)
    """Event properties that are sent; a column of its own, or part of a webhook."""
    loaders: dict[str, None] = field(default_factory=dict)
    """Columns that taps and loaders have added."""
    columns: dict[str, None] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    """The property that each of the columns would be."""
    layouts: set[int] = field(default_factory=set)
    """Of the records that were looked at: hashes of their columns' names."""

    @property
    def unused(self) -> list[str]:
        """The columns that nothing is made of."""
        taken = {*self.used, *self.loaders}
        return [
            column
            for column in self.columns
            if column not in taken
            and self.fields.get(column) not in self.properties
            and column != REST
        ]


class StreamTally:
    """Watches a rehearsal; its memory does not grow with the input."""

    def __init__(self, separator: str) -> None:
        """Start with no stream.

        Args:
            separator: What stands between the parts of a flattened column's name.
        """
        self._separator = separator
        self.streams: dict[str, StreamFigures] = {}
        self.streams_beyond: set[str] = set()
        """More streams, which are counted as one; some of their names."""

    def note_stream(self, stream: str) -> StreamFigures:
        """Take note of a stream; return its figures."""
        figures = self.streams.get(stream)
        if figures is None:
            if len(self.streams) >= MOST_STREAMS:
                if len(self.streams_beyond) < _MOST_NAMES:
                    self.streams_beyond.add(stream)
                stream = REST
            figures = self.streams.setdefault(stream, StreamFigures())
        return figures

    def on_event(self, project: Project, event: EncodedEvent) -> None:
        """Count an event that would be sent."""
        figures = self._count("sent", event.origin)
        if project == "sandbox":
            figures.outcomes["sent to the sandbox"] += 1
        _add(figures.properties, _decode_event(event.body).event_properties)

    def on_filtered(self, origin: Origin, reason: str) -> None:
        """Count a record that the settings leave out."""
        _count_up(self._count("filtered", origin).filtered, reason)

    def on_rejected(self, origin: Origin, refusal: Refusal) -> None:
        """Count a record that cannot be delivered."""
        _count_up(self._count("rejected", origin).rejected, refusal.reason)

    def on_held(self, origin: Origin, _user_id: str) -> None:
        """Count a record that would wait for an External ID."""
        self._count("held", origin)

    def on_duplicate(self, origin: Origin) -> None:
        """Count a record whose event Amplitude had before."""
        self._count("duplicate", origin)

    def _count(self, outcome: str, origin: Origin) -> StreamFigures:
        figures = self.note_stream(origin.stream)
        figures.outcomes[outcome] += 1
        figures.kinds[origin.report_key] += 1
        if origin.held is not None:
            figures.released += 1
        elif figures is not self.streams.get(REST):
            self._look_at(figures, origin)
        return figures

    def _look_at(self, figures: StreamFigures, origin: Origin) -> None:
        """Look at the columns of a record, once for many of one layout."""
        if len(figures.layouts) >= _MOST_LAYOUTS:
            return
        is_user = origin.report_key == USERS
        try:
            values = _decode_message(origin.line).record
            there = [name for name, value in values.items() if bytes(value) != b"null"]
            layout = hash((is_user, *there))
            if layout in figures.layouts:
                return
            record = jsontext.decode(origin.line)["record"]
        except ValueError:  # a line that is no message
            return
        figures.layouts.add(layout)
        shape = shape_of(record, separator=self._separator, is_user=is_user)
        loaders = [column for column, name in shape.fields.items() if not name]
        _add(figures.columns, record)
        _add(figures.loaders, loaders)
        if len(figures.fields) < _MOST_COLUMNS:
            figures.fields.update(shape.fields)
        if origin.report_key != OTHER:
            _add(figures.forms, shape.forms)
            _add(figures.used, [name for name in record if name in shape.used])


def _add(names: dict[str, None], more: t.Iterable[str]) -> None:
    for name in more:
        if name in names:
            continue
        if len(names) >= _MOST_COLUMNS:
            names[REST] = None
            return
        names[name] = None


def _count_up(counter: Counter[str], reason: str) -> None:
    counter[reason if reason in counter or len(counter) < _MOST_REASONS else REST] += 1
