"""Handles Singer messages: what SCHEMA, RECORD, STATE and BATCH lead to."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from singer_sdk.exceptions import ConfigurationError as SdkConfigurationError
from singer_sdk.exceptions import MappingError

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.outcomes import Origin, Refusal
from target_amplitude_nami.pipeline.event_filter import OTHER
from target_amplitude_nami.singer.batches import read_batch
from target_amplitude_nami.singer.messages import (
    MESSAGE_IN_BATCH,
    NOT_USUAL,
    BrokenLines,
    decode_object,
    decode_usual_object,
    is_record_message,
    state_of,
)
from target_amplitude_nami.singer.reject_lines import (
    UNREADABLE_LINES,
    record_message,
    unreadable_line,
)

if t.TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Mapping, Sequence

    from target_amplitude_nami.shutdown import Shutdown
    from target_amplitude_nami.singer.parts import Outcomes, SingerRejects, TakeRecord
    from target_amplitude_nami.singer.recognition import Recognition
    from target_amplitude_nami.singer.stream_router import StreamRouter

_TICK_SECONDS = 0.2

Message: t.TypeAlias = dict[str, t.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class HandlerParts:
    """The parts of a run that messages go to."""

    router: StreamRouter
    """Brings records to the sinks of their streams."""
    outcomes: Outcomes
    """Takes what becomes of lines that are no good message."""
    take_state: Callable[[bytes], None]
    """Takes a STATE, which leaves once all that was read before it is settled."""
    recognition: Recognition
    """Takes note of records that no sink sees."""
    rejects: SingerRejects
    """Takes the SCHEMA messages that precede rejects."""
    register_schema: Callable[[Message], None]
    """Makes the stream maps and sinks of a SCHEMA message."""
    flush: Callable[[], None]
    """Settles the records that the pipeline has taken, or hands them to delivery."""
    tick: Callable[[], None]
    """Called about every 0.2 s while a BATCH is read."""
    shutdown: Shutdown
    """Once it is requested, no further record of a BATCH is read."""
    report_key_of_type: Callable[[object], str]
    """Returns what records of an event type are counted under."""
    batch_schemes: Sequence[str]
    """The kinds of address that the files of BATCH messages may have."""
    logger: logging.Logger


class MessageHandler:
    """Takes the messages of the input, in order."""

    def __init__(self, parts: HandlerParts) -> None:
        """Initialise with the parts that messages go to."""
        self.broken_lines = BrokenLines(self.reject_line)
        self.direct_streams: Mapping[str, TakeRecord] = parts.router.direct_streams
        self.take_record: TakeRecord = parts.router.take
        self._parts = parts
        self._outcomes = parts.outcomes
        self._has_warned_of_messages = False
        self._handlers: dict[str, Callable[[Message, bytes], None]] = {
            "SCHEMA": self._take_schema,
            "RECORD": self._reject_record,
            "STATE": self._take_state,
            "ACTIVATE_VERSION": _ignore_version,
            "BATCH": self._take_batch,
        }

    def take_message(self, message: Message, line: bytes) -> bool:
        """Handle any message but a usual RECORD.

        Args:
            message: The message.
            line: Its text.

        Returns:
            Whether Singer has messages of its type.
        """
        kind = message.get("type")
        if not isinstance(kind, str) or (handle := self._handlers.get(kind)) is None:
            return False
        handle(message, line)
        return True

    def reject_line(self, line: bytes, refusal: Refusal) -> None:
        """Reject a line that is no message, or not a good one."""
        origin = Origin(OTHER, UNREADABLE_LINES, unreadable_line(line))
        self._outcomes.reject(origin, refusal)

    def _reject_record(self, _message: Message, line: bytes) -> None:
        detail = "a RECORD message needs a stream and a record"
        self.reject_line(line, Refusal("bad_record", "", detail))

    def _take_schema(self, message: Message, line: bytes) -> None:
        stream, schema = message.get("stream"), message.get("schema")
        keys = message.get("key_properties")
        if not (
            isinstance(stream, str)
            and isinstance(schema, dict)
            and (keys is None or _are_names(keys))
        ):
            detail = "a SCHEMA message needs a stream, a schema and key properties"
            self.reject_line(line, Refusal("bad_schema", "", detail))
            return
        # What is rejected belongs under the SCHEMA that it came under.
        self._parts.flush()
        if not isinstance(schema.get("properties"), dict):
            schema["properties"] = {}
        try:
            with self._parts.router.changing(stream):
                self._parts.register_schema(message)
        except (MappingError, SdkConfigurationError) as error:
            raise ConfigurationError(
                [f"stream_maps cannot be used for stream '{stream}': {error}"]
            ) from error
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            detail = "the schema or the key properties are not valid JSON Schema"
            self.reject_line(line, Refusal("bad_schema", "", detail))
            return
        self._parts.rejects.declare(stream, line)

    def _take_state(self, message: Message, line: bytes) -> None:
        if "value" not in message:
            detail = "a STATE message needs a value"
            self.reject_line(line, Refusal("bad_state", "", detail))
        elif message["value"]:  # an empty one would wipe out a good one
            self._parts.flush()
            self._parts.take_state(state_of(line))

    def _take_batch(self, message: Message, line: bytes) -> None:
        stream, manifest = message.get("stream"), message.get("manifest")
        encoding = message.get("encoding")
        if not (
            isinstance(stream, str)
            and isinstance(encoding, dict)
            and isinstance(manifest, list)
        ):
            detail = "a BATCH message needs a stream, an encoding and a manifest"
            self.reject_line(line, Refusal("bad_batch", "", detail))
            return
        take = self.direct_streams.get(stream, self.take_record)
        next_tick = 0.0
        for texts in read_batch(encoding, manifest, self._parts.batch_schemes):
            if time.monotonic() >= next_tick:
                self._parts.tick()
                next_tick = time.monotonic() + _TICK_SECONDS
            for text in texts:
                if self._parts.shutdown.is_requested:
                    return
                self._take_batch_record(text, stream, take)

    def _take_batch_record(self, text: bytes, stream: str, take: TakeRecord) -> None:
        try:
            record = decode_usual_object(text)
        except NOT_USUAL:
            try:
                record = decode_object(text)
            except ValueError as error:
                self.broken_lines.reject(record_message(stream, text), error)
                return
        if self.broken_lines.in_a_row:
            self.broken_lines.note_readable()
        if "type" in record and is_record_message(record):
            self._reject_message_in_batch(record, text)
        else:
            take(record, stream, record_message(stream, text))

    def _reject_message_in_batch(self, message: Message, text: bytes) -> None:
        """Reject a RECORD message that stands in a BATCH file, where records belong.

        The rejects file gets it as it is: read from there it is a message like others.
        """
        stream, record = message["stream"], message["record"]
        self._parts.recognition.note_unseen_record(stream, record)
        report_key = self._parts.report_key_of_type(record.get("event_type"))
        self._outcomes.reject(Origin(report_key, stream, text), MESSAGE_IN_BATCH)
        if not self._has_warned_of_messages:
            self._has_warned_of_messages = True
            self._parts.logger.warning(
                "The BATCH files of stream %r hold RECORD messages instead of records: "
                "they are rejected. Make the tap write records alone into BATCH files, "
                "or switch its `batch_config` off; the rejects file holds the messages "
                "as they are, and can be given to this target as input",
                stream,
            )


def _ignore_version(_message: Message, _line: bytes) -> None:
    """Ignore ACTIVATE_VERSION: Amplitude replaces no version of events by another."""


def _are_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)
