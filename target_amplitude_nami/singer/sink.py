"""Singer: the records of one stream, checked, read and sent on their way."""

from __future__ import annotations

import sys
import typing as t

import jsonschema_rs
from singer_sdk.exceptions import InvalidRecord
from singer_sdk.sinks import Sink
from singer_sdk.sinks.core import BaseJSONSchemaValidator

from target_amplitude_nami.amplitude.checks import holds_not_finite
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.deleted import MARKS, DeletedRows
from target_amplitude_nami.nami.recognising import NamiDetector, declares_nami
from target_amplitude_nami.nami.records import RecordReader
from target_amplitude_nami.outcomes import Origin, Refusal
from target_amplitude_nami.pipeline.event_filter import OTHER
from target_amplitude_nami.singer.reject_lines import is_reject

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from singer_sdk.target_base import Target

    from target_amplitude_nami.pipeline.pipeline import Pipeline
    from target_amplitude_nami.run import Run
    from target_amplitude_nami.singer.recognition import Recognition
    from target_amplitude_nami.singer.stream_mapper import StreamMapper

DELETED_AT_SOURCE: t.Final = "deleted_at_source"
_LONGEST_DETAIL = 300


class RecordValidator(BaseJSONSchemaValidator):
    """Checks records against the stream's schema, as the SDK would but faster.

    Formats such as `date-time` are not enforced, and nothing is fetched for a `$ref`.
    """

    def __init__(self, schema: dict[str, t.Any]) -> None:
        """Compile the schema.

        Raises:
            ValueError: When it is no JSON schema.
        """
        super().__init__(schema)
        self._validator = jsonschema_rs.Draft202012Validator(
            schema, validate_formats=False, offline=True
        )
        self.fits: Callable[[dict[str, t.Any]], bool] = self._validator.is_valid
        """Tells whether a record fits; fails where only `validate` can tell."""

    @override
    def validate(self, record: dict[str, t.Any]) -> None:
        """See the SDK.

        Raises:
            InvalidRecord: When the record does not fit the schema.
            RecursionError: When it is nested too deep to tell.
        """
        try:
            if not self._validator.is_valid(record):
                self._refuse(record)
        except UnicodeEncodeError:
            self.validate(_with_whole_characters(record))
        except ValueError as error:  # the validator's own limit of layers
            raise RecursionError(str(error)) from error

    def _refuse(self, record: dict[str, t.Any]) -> None:
        error = next(iter(self._validator.iter_errors(record)))
        path = ".".join(str(part) for part in error.instance_path)
        raise InvalidRecord(f"{path or 'the record'}: {error.message}", record)


def _with_whole_characters(value: t.Any) -> t.Any:
    """Return JSON data with U+FFFD in the place of each half of a cut emoji."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {
            _with_whole_characters(name): _with_whole_characters(member)
            for name, member in value.items()
        }
    if isinstance(value, list):
        return [_with_whole_characters(member) for member in value]
    return value


class NamiSink(Sink):
    """Takes the records of one stream; it holds none of them."""

    def __init__(
        self,
        target: Target,
        stream_name: str,
        schema: dict[str, t.Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        """Compile the reader for the shape that the schema shows."""
        super().__init__(target, stream_name, schema, key_properties)
        self._run: Run = t.cast("t.Any", target).run
        self._pipeline: Pipeline = self._run.pipeline
        settings = self._run.settings
        is_flattened = bool(target.config.get("flattening_enabled"))
        separator = target.config.get("flattening_separator") if is_flattened else None
        separator = separator or "__"
        self._reader = RecordReader(
            stream_name,
            schema["properties"],
            event_streams=settings.event_streams,
            user_streams=settings.user_streams,
            separator=separator,
            note_misfit=self._run.notices.note_misfit,
        )
        self._recognition = t.cast("t.Any", target).recognition
        self._is_recognised = self._recognition.note_stream(
            stream_name, is_declared=declares_nami(schema["properties"], separator)
        )
        self._detector = NamiDetector()
        self._is_deleted = DeletedRows().is_deleted
        self._fits: Callable[[dict[str, t.Any]], bool] = (
            self._validator.fits
            if isinstance(self._validator, RecordValidator)
            else lambda _record: True
        )
        self._has_warned = False
        self._taken = 0

    @override
    def get_validator(self) -> BaseJSONSchemaValidator | None:
        if not self.validate_schema:
            return None
        try:
            return RecordValidator(self.schema)
        except ValueError as error:
            self.logger.warning(
                "The schema of stream '%s' is no JSON schema (%s), so its records are "
                "not checked against it",
                self.stream_name,
                str(error).partition("\n")[0],
            )
            return None

    @override
    def process_record(
        self, record: dict[str, t.Any], context: dict[str, t.Any]
    ) -> None:
        """See `take`: the target calls that, with the line."""
        raise NotImplementedError

    @override
    def process_batch(self, context: dict[str, t.Any]) -> None:
        """Do nothing: records leave as they come."""

    @override
    def clean_up(self) -> None:
        self.record_counter_metric.increment(self._taken)
        super().clean_up()

    def take(self, record: dict[str, t.Any], stream: str, line: bytes) -> None:
        """Settle a record, or hand it to delivery.

        Args:
            record: As the stream maps have left it.
            stream: The stream that it was read from.
            line: The message that it was read from.
        """
        self._taken += 1
        if self._is_deleted(record):
            self._leave_deleted(record)
            return
        try:
            self._check_record(record)
            nami = self._reader.read(record)
        except UnreadableRecord as error:
            self._leave_unreadable(error, record, stream, line)
            return
        except RecursionError:
            refusal = Refusal(
                "too_deep", "", "the record is nested too deep to be read"
            )
            self._run.outcomes.reject(Origin(OTHER, stream, line), refusal)
            return
        if nami is None:
            self._ignore(record, stream, line)
            return
        if not self._is_recognised:
            self._recognise()
        self._pipeline.take(nami, stream, line)

    def take_deleted(self, record: dict[str, t.Any]) -> None:
        """Filter a deleted row, of which the stream maps may have left out the mark."""
        self._taken += 1
        self._leave_deleted(record)

    def _recognise(self) -> None:
        self._is_recognised = True
        self._recognition.note_nami(self.stream_name)

    def _leave_deleted(self, record: dict[str, t.Any]) -> None:
        label = self._label_of(record)
        if label is not None and not self._is_recognised:
            self._recognise()
        # What is left of a row may be too little to tell whose it was.
        is_foreign = not self._is_recognised and (
            self._has_warned or self._has_more_than_keys(record)
        )
        reason = "not_nami" if is_foreign else DELETED_AT_SOURCE
        self._run.ledger.filter(label or OTHER, reason)

    def _label_of(self, record: dict[str, t.Any]) -> str | None:
        """Return what a record is counted under; None where it is not Nami's."""
        try:
            nami = self._reader.read(record)
        except UnreadableRecord as error:
            event_type = error.event_type or self._reader.event_type_of(record)
            return self._pipeline.event_filter.report_key_of_type(event_type)
        except RecursionError:  # nothing of it is sent, however deep it is
            return OTHER
        return None if nami is None else self._pipeline.event_filter.report_key_of(nami)

    def _has_more_than_keys(self, record: Mapping[str, t.Any]) -> bool:
        """Tell whether a row has values beside its keys and what its loader adds."""
        return any(
            value is not None and not name.startswith("_")
            for name, value in record.items()
            if name not in self._key_properties
        )

    def _leave_unreadable(
        self,
        error: UnreadableRecord,
        record: dict[str, t.Any],
        stream: str,
        line: bytes,
    ) -> None:
        if not self._is_recognised:
            if self._label_of(record) is None:
                self._ignore(record, stream, line)  # a schema of others was not kept to
                return
            self._recognise()
        event_type = error.event_type or self._reader.event_type_of(record)
        label = self._pipeline.event_filter.report_key_of_type(event_type)
        # What nobody wants sent is no reject, whatever else is wrong with it.
        if event_type is not None and not self._pipeline.event_filter.is_wanted(
            event_type
        ):
            self._run.ledger.filter(label, "event_not_chosen")
            return
        refusal = Refusal(error.reason, error.field, error.detail)
        self._run.outcomes.reject(Origin(label, stream, line), refusal)

    def _check_record(self, record: dict[str, t.Any]) -> None:
        try:
            is_sound = self._fits(record)
        except ValueError:  # half a character, or too many layers
            is_sound = False
        if not is_sound:
            self._validate(record)
        for name in self._key_properties:
            if record.get(name) is None:
                raise UnreadableRecord(
                    "key_property_missing",
                    name,
                    f"the key property {name} is missing or null",
                )

    def _validate(self, record: dict[str, t.Any]) -> None:
        if self._validator is not None:
            try:
                self._validator.validate(record)
            except InvalidRecord as error:
                raise _invalid(record, error) from error

    def _ignore(self, record: dict[str, t.Any], stream: str, line: bytes) -> None:
        if is_reject(line):  # it was Nami's before, and somebody waits for it
            refusal = Refusal("not_nami", "", "a reject that is still not recognised")
            self._run.outcomes.reject(Origin(OTHER, stream, line), refusal)
            return
        self._recognition.note_left_out(
            self.stream_name,
            record,
            lambda: self._detector.looks_like_nami(record),
        )
        self._run.ledger.filter(OTHER, "not_nami")
        if not self._has_warned:
            self._has_warned = True
            self.logger.warning(
                "Stream '%s' holds neither Nami events (no event_type) nor Nami users "
                "(no user_id with state or external ids): its records are left out. "
                "`event_streams` and `user_streams` name the streams that do",
                self.stream_name,
            )


class DeletedBeforeMaps:
    """Recognises deleted rows before the stream maps.

    A map may fail for such a row, or leave out its mark with all that it does not name.
    """

    def __init__(self, maps: StreamMapper) -> None:
        """Take the maps of all streams."""
        self._maps = maps
        self._rows = DeletedRows()

    def is_deleted(self, stream: str, record: Mapping[str, t.Any]) -> bool:
        """Tell whether a record is of a deleted row, whatever its maps make of it.

        A map that names the mark decides itself what becomes of the row.
        """
        is_marked = self._rows.is_deleted(record)
        return is_marked and not self._maps.name_any(stream, MARKS)


def recognise_early(
    recognition: Recognition,
    stream: str,
    record: dict[str, t.Any],
    *,
    is_deleted: bool = False,
) -> None:
    """Take note of a record that is settled before any sink has seen it.

    Args:
        recognition: Takes the note.
        stream: Its stream, after the stream maps.
        record: The record.
        is_deleted: Whether it is of a deleted row, which is no sign of a mistake.
    """
    if recognition.is_settled or recognition.note_stream(stream, is_declared=False):
        return
    is_nami = NamiDetector().looks_like_nami(record)
    if is_nami and not recognition.has_patterns:
        recognition.note_nami(stream)
    elif not is_deleted:
        recognition.note_left_out(stream, record, lambda: is_nami)


def _invalid(record: Mapping[str, t.Any], error: InvalidRecord) -> UnreadableRecord:
    if holds_not_finite(dict(record)):
        return UnreadableRecord(
            "number_not_finite",
            "",
            "the record holds a number that is NaN, infinite or too large",
        )
    detail = str(error.args[0])
    if len(detail) > _LONGEST_DETAIL:  # it repeats the value, however large
        detail = f"{detail[:_LONGEST_DETAIL]}…"
    return UnreadableRecord("schema_violation", "", detail)
