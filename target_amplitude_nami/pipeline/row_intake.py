"""Takes records that come as Python mappings into a pipeline, whatever their stream."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.outcomes import Origin, Refusal
from target_amplitude_nami.pipeline.event_filter import OTHER
from target_amplitude_nami.pipeline.row_reader import (
    NOT_NAMI,
    NotSent,
    RowReader,
    plain,
)
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping

    from target_amplitude_nami.pipeline.event_filter import Filtered
    from target_amplitude_nami.pipeline.pipeline import Pipeline
    from target_amplitude_nami.pipeline.ports import Outcomes
    from target_amplitude_nami.pipeline.row_reader import StreamOptions

_encode: t.Final = msgspec.json.Encoder(decimal_format="number").encode


class FormlessRejects(t.Protocol):
    """Keeps rejected records that have no form in JSON."""

    def keep(
        self, record: Mapping[str, t.Any], stream: str, refusal: Refusal, /
    ) -> None:
        """Keep a record as it was given; its outcome follows, without a line."""


class RowIntake:
    """Reads rows and hands what is Nami's to the pipeline; settles all others."""

    def __init__(  # noqa: PLR0913 - the parts that a row may go to
        self,
        options: StreamOptions,
        *,
        pipeline: Pipeline,
        outcomes: Outcomes,
        rejects: FormlessRejects,
        note_misfit: Callable[[str], None],
        logger: logging.Logger,
    ) -> None:
        """Take the parts.

        Args:
            options: The settings that say which streams hold events and users.
            pipeline: Takes what is Nami's.
            outcomes: Records what became of the others.
            rejects: Keeps records that have no form in JSON.
            note_misfit: See `RecordReader`.
            logger: Takes a warning for each stream that is not Nami's.
        """
        self._options = options
        self._pipeline = pipeline
        self._outcomes = outcomes
        self._rejects = rejects
        self._note_misfit = note_misfit
        self._logger = logger
        self._readers: dict[str, RowReader] = {}
        self._foreign_streams: set[str] = set()
        self._has_recognised = False

    @property
    def has_recognised(self) -> bool:
        """Whether a record was Nami's, though it may not have been sent."""
        return self._has_recognised

    @property
    def has_foreign(self) -> bool:
        """Whether a record was left out since it is not Nami's."""
        return bool(self._foreign_streams)

    @property
    def is_all_foreign(self) -> bool:
        """Whether records were taken, and none of them was Nami's."""
        return self.has_foreign and not self._has_recognised

    def take(self, record: Mapping[str, t.Any], stream: str) -> None:
        """Take a record of a stream; it may be changed afterwards."""
        row = plain(record)
        if isinstance(row, Refusal):
            self._rejects.keep(record, stream, row)
            self._outcomes.reject(Origin(OTHER, stream, b""), row)
            return
        found = self._reader_of(stream).read(row)
        if not isinstance(found, NotSent):
            self._has_recognised = True
            self._pipeline.take(found, stream, _encode(row))
        elif isinstance(found.outcome, Refusal):
            self._has_recognised = True
            origin = Origin(found.report_key, stream, _encode(row))
            self._outcomes.reject(origin, found.outcome)
        else:
            self._filter(found.report_key, stream, found.outcome)

    def _filter(self, report_key: str, stream: str, outcome: Filtered) -> None:
        self._outcomes.filter(Origin(report_key, stream, b""), outcome.reason)
        if outcome.reason != NOT_NAMI:
            self._has_recognised |= report_key != OTHER
        elif stream not in self._foreign_streams:
            self._foreign_streams.add(stream)
            self._logger.warning(
                "Stream '%s' has records that are neither Nami events (no event_type) "
                "nor Nami users (no user_id with state or external ids): they are left "
                "out. `event_streams` and `user_streams` name the streams that hold "
                "such",
                stream,
            )

    def _reader_of(self, stream: str) -> RowReader:
        reader = self._readers.get(stream)
        if reader is None:
            reader = self._readers[stream] = RowReader(
                stream,
                self._options,
                self._pipeline.event_filter,
                self._note_misfit,
            )
        return reader


def nothing_recognised(read: int) -> str:
    """Return why records were read and nothing was sent, as one line.

    Args:
        read: How many there were.
    """
    return (
        f"None of {counted(read, 'record')} was recognised as Nami's. Events need an "
        f"event_type, users a user_id with state or external ids; `event_streams` and "
        f"`user_streams` name the streams that hold them"
    )
