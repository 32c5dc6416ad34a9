"""Reads records that come as Python mappings: rows of a file, a table or a query."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami import normalising
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.jsontext import TooDeep
from target_amplitude_nami.nami.deleted import DeletedRows
from target_amplitude_nami.nami.records import RecordReader
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.pipeline.event_filter import NOT_CHOSEN, OTHER, Filtered

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_amplitude_nami.nami.model import NamiEvent, NamiUser
    from target_amplitude_nami.pipeline.event_filter import EventFilter

NOT_NAMI: t.Final = "not_nami"
DELETED: t.Final = "deleted_at_source"

_EVENT_TYPE_COLUMNS = ("event_type", "EVENT_TYPE")


class NotSent(msgspec.Struct, frozen=True):
    """The outcome of a row that no event can be made of."""

    report_key: str
    outcome: Filtered | Refusal


class StreamOptions(t.Protocol):
    """The settings that say which streams hold events and which hold users."""

    @property
    def event_streams(self) -> Sequence[str]:
        """Names and patterns of the streams that hold events."""

    @property
    def user_streams(self) -> Sequence[str]:
        """Names and patterns of the streams that hold users."""


class RowReader:
    """Reads the rows of one stream, each by itself: their order does not matter."""

    def __init__(
        self,
        stream: str,
        options: StreamOptions,
        event_filter: EventFilter,
        note_misfit: Callable[[str], None] = lambda _column: None,
    ) -> None:
        """Compile the readers of a stream.

        Args:
            stream: The stream's name.
            options: The settings.
            event_filter: Decides which events are wanted.
            note_misfit: See `RecordReader`.
        """
        self._event_filter = event_filter
        self._is_deleted = DeletedRows().is_deleted

        def reader(*columns: str) -> RecordReader:
            return RecordReader(
                stream,
                columns,
                event_streams=options.event_streams,
                user_streams=options.user_streams,
                note_misfit=note_misfit,
                remembers=False,
            )

        # A row with the column is one of a table of events, though it may be empty.
        self._of_events, self._of_others = reader("event_type"), reader()

    def read(self, row: Mapping[str, t.Any]) -> NamiEvent | NamiUser | NotSent:
        """Return what a row says, or why nothing is sent of it.

        Args:
            row: Plain JSON data, as `normalising.normalise` returns it.
        """
        has_type = any(name in row for name in _EVENT_TYPE_COLUMNS)
        reader = self._of_events if has_type else self._of_others
        try:
            record = reader.read(row)
        except UnreadableRecord as error:
            event_type = error.event_type or reader.event_type_of(row)
            return self._unreadable(error, event_type, row)
        if self._is_deleted(row):
            key = OTHER if record is None else self._event_filter.report_key_of(record)
            return NotSent(key, Filtered(DELETED))
        if record is None:
            return NotSent(OTHER, Filtered(NOT_NAMI))
        return record

    def _unreadable(
        self,
        error: UnreadableRecord,
        event_type: str | None,
        row: Mapping[str, t.Any],
    ) -> NotSent:
        key = self._event_filter.report_key_of_type(event_type)
        if self._is_deleted(row):
            return NotSent(key, Filtered(DELETED))
        # What the settings do not send is not a reject, whatever else is wrong with it.
        if event_type is not None and not self._event_filter.is_wanted(event_type):
            return NotSent(key, Filtered(NOT_CHOSEN))
        return NotSent(key, refusal_of(error))


def refusal_of(error: UnreadableRecord) -> Refusal:
    """Return why a record cannot be read, as its reject says it."""
    return Refusal(error.reason, error.field, error.detail)


def plain(record: Mapping[str, t.Any]) -> dict[str, t.Any] | Refusal:
    """Return a record as plain JSON data, or why there is no such form of it.

    Args:
        record: Made by other code; see `normalising.normalise` for its values.
    """
    try:
        return normalising.normalise(record)
    except TooDeep as error:
        return Refusal("too_deep", "", f"the record is {error}")
    except normalising.NotJSON as error:
        return Refusal("value_not_json", error.path, f"{error}")
