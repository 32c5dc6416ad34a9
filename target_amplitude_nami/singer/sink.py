"""Checks and reads the records of one stream, and hands them to the pipeline."""

from __future__ import annotations

import functools
import sys
import typing as t

from singer_sdk.sinks import Sink

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.deleted import DeletedRows
from target_amplitude_nami.nami.event_reader import read_event
from target_amplitude_nami.nami.recognising import NamiDetector, declares_nami
from target_amplitude_nami.nami.records import RecordReader
from target_amplitude_nami.outcomes import Origin, Refusal
from target_amplitude_nami.pipeline.event_filter import OTHER
from target_amplitude_nami.singer.reject_lines import is_reject
from target_amplitude_nami.singer.validation import RecordValidator

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from singer_sdk.target_base import Target

    from target_amplitude_nami.singer.parts import SinkParts

DELETED_AT_SOURCE: t.Final = "deleted_at_source"


class NamiSink(Sink):
    """Takes the records of one stream; it holds none of them."""

    def __init__(
        self,
        target: Target,
        stream_name: str,
        schema: dict[str, t.Any],
        key_properties: Sequence[str] | None,
        *,
        parts: SinkParts,
    ) -> None:
        """Compile the reader for the shape that the schema shows.

        Args:
            target: See the SDK, also for the next three.
            stream_name: The stream, as the stream maps call it.
            schema: Its schema.
            key_properties: Its keys.
            parts: What the records go to.
        """
        super().__init__(target, stream_name, schema, key_properties)
        self._outcomes = parts.outcomes
        self._event_filter = parts.event_filter
        self._hand_over = parts.hand_over
        self.new_reader: t.Final = functools.partial(
            RecordReader,
            stream_name,
            tuple(schema["properties"]),
            event_streams=parts.event_streams,
            user_streams=parts.user_streams,
            separator=parts.separator,
        )
        """Makes a reader of such records that has seen none of them yet."""
        self._reader = self.new_reader(note_misfit=parts.note_misfit)
        self._plan_of = self._reader.plan_of
        self._recognition = parts.recognition
        self._is_recognised = parts.recognition.note_stream(
            stream_name,
            is_declared=declares_nami(schema["properties"], parts.separator),
        )
        self._detector = NamiDetector()
        self._is_deleted = DeletedRows().is_deleted
        self._record_validator = self._compile() if parts.validates else None
        self._fits: Callable[[dict[str, t.Any]], bool] = (
            _fits_always
            if self._record_validator is None
            else self._record_validator.fits
        )
        self._keys = tuple(self.key_properties)
        self._has_warned = False
        self._taken = 0

    @override
    def get_validator(self) -> None:
        """Keep the SDK from making its own validator: see `RecordValidator`."""

    @override
    def process_record(
        self, record: dict[str, t.Any], context: dict[str, t.Any]
    ) -> None:
        """Raise NotImplementedError: `take` gets the records, with their lines."""
        raise NotImplementedError

    @override
    def process_batch(self, context: dict[str, t.Any]) -> None:
        """Do nothing: there are no batches."""

    @override
    def clean_up(self) -> None:
        self.record_counter_metric.increment(self._taken)
        super().clean_up()

    def take(self, record: dict[str, t.Any], stream: str, line: bytes) -> None:
        """Settle a record, or hand it to the pipeline.

        Args:
            record: As the stream maps have left it.
            stream: The stream that it was read from.
            line: The message that it was read from.
        """
        self._taken += 1
        plan = self._plan_of(record)
        if (plan is None or plan.may_be_deleted) and self._is_deleted(record):
            self._filter_deleted(record, stream, line)
            return
        try:
            if not self._fits(record):
                self._refuse(record)
            for name in self._keys:
                if record.get(name) is None:
                    raise _key_missing(name)
            nami = (
                self._reader.read_any(record)
                if plan is None
                else read_event(record, plan)
            )
        except UnreadableRecord as error:
            self._settle_unreadable(error, record, stream, line)
            return
        if nami is None:
            self._ignore(record, stream, line)
            return
        if not self._is_recognised:
            self._recognise()
        self._hand_over(nami, stream, line)

    def take_deleted(self, record: dict[str, t.Any], stream: str, line: bytes) -> None:
        """Filter a deleted row, whose mark the stream maps may have left out."""
        self._taken += 1
        self._filter_deleted(record, stream, line)

    def _compile(self) -> RecordValidator | None:
        try:
            return RecordValidator(self.schema)
        except ValueError as error:
            self.logger.warning(
                "The schema of stream '%s' is not a valid JSON Schema (%s), so its "
                "records are not checked against it",
                self.stream_name,
                str(error).partition("\n")[0],
            )
            return None

    def _refuse(self, record: dict[str, t.Any]) -> None:
        if self._record_validator is not None:
            raise self._record_validator.violation(record)

    def _recognise(self) -> None:
        self._is_recognised = True
        self._recognition.note_nami(self.stream_name)

    def _filter_deleted(
        self, record: dict[str, t.Any], stream: str, line: bytes
    ) -> None:
        report_key = self._report_key_of(record)
        if report_key is not None and not self._is_recognised:
            self._recognise()
        # What is left of a row may be too little to show whose it was.
        is_foreign = not self._is_recognised and (
            self._has_warned or self._has_more_than_keys(record)
        )
        origin = Origin(report_key or OTHER, stream, line)
        self._outcomes.filter(origin, "not_nami" if is_foreign else DELETED_AT_SOURCE)

    def _report_key_of(self, record: dict[str, t.Any]) -> str | None:
        """Return what a record is counted under; None where it is not Nami's."""
        try:
            nami = self._reader.read(record)
        except UnreadableRecord as error:
            event_type = error.event_type or self._reader.event_type_of(record)
            return self._event_filter.report_key_of_type(event_type)
        return None if nami is None else self._event_filter.report_key_of(nami)

    def _has_more_than_keys(self, record: Mapping[str, t.Any]) -> bool:
        """Return whether a row has values beside its keys and its loader's columns."""
        return any(
            value is not None and not name.startswith("_")
            for name, value in record.items()
            if name not in self._keys
        )

    def _settle_unreadable(
        self,
        error: UnreadableRecord,
        record: dict[str, t.Any],
        stream: str,
        line: bytes,
    ) -> None:
        if not self._is_recognised:
            if self._report_key_of(record) is None:
                # Another source's record breaks the schema that it came with.
                self._ignore(record, stream, line)
                return
            self._recognise()
        event_type = error.event_type or self._reader.event_type_of(record)
        origin = Origin(self._event_filter.report_key_of_type(event_type), stream, line)
        # What the settings do not send is not a reject, whatever else is wrong with it.
        if event_type is not None and not self._event_filter.is_wanted(event_type):
            self._outcomes.filter(origin, "event_not_chosen")
            return
        self._outcomes.reject(origin, Refusal(error.reason, error.field, error.detail))

    def _ignore(self, record: dict[str, t.Any], stream: str, line: bytes) -> None:
        origin = Origin(OTHER, stream, line)
        if is_reject(line):  # it was Nami's before, and somebody waits for it
            refusal = Refusal(
                "not_nami",
                "",
                "a reject that was read again and is still not recognised as Nami's",
            )
            self._outcomes.reject(origin, refusal)
            return
        self._recognition.note_left_out(
            self.stream_name,
            record,
            lambda: self._detector.looks_like_nami(record),
        )
        self._outcomes.filter(origin, "not_nami")
        if not self._has_warned:
            self._has_warned = True
            self.logger.warning(
                "Stream '%s' holds neither Nami events (no event_type) nor Nami users "
                "(no user_id with state or external ids): its records are left out. "
                "`event_streams` and `user_streams` name the streams that do",
                self.stream_name,
            )


def _fits_always(_record: object) -> bool:
    return True


def _key_missing(name: str) -> UnreadableRecord:
    return UnreadableRecord(
        "key_property_missing", name, f"the key property {name} is missing or null"
    )
