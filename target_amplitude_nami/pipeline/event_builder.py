"""Builds Amplitude events from Nami records: the pure core of the pipeline."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.amplitude.event import EncodedEvent, memory_bytes_of
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.nami.state import NO_STATE
from target_amplitude_nami.outcomes import (
    Checkpoint,
    Origin,
    Refusal,
    SentEvent,
    dedup_key,
)
from target_amplitude_nami.pipeline.event_filter import EventFilter, Filtered
from target_amplitude_nami.pipeline.identity import Unnamed, identify, user_key_of
from target_amplitude_nami.pipeline.mapping import EventMapper
from target_amplitude_nami.pipeline.row_reader import (
    NotSent,
    RowReader,
    plain,
    refusal_of,
)
from target_amplitude_nami.store.profiles import UNKNOWN_USER

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.amplitude.event import AmplitudeEvent
    from target_amplitude_nami.nami.state import UserState
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.store.profiles import UserProfile


class EventBuilder:
    """Builds events as the settings say, and remembers nothing.

    The bytes of an event depend on the record, on what is known of its user, and on the
    settings alone.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the settings."""
        self._settings = settings
        self._event_filter = EventFilter(settings.mapping)
        self._mapper = EventMapper(settings.mapping)
        self._checks = Checks(
            min_id_length=settings.min_id_length,
            max_event_bytes=settings.event_bytes - 1,
        )
        self._readers: dict[str, RowReader] = {}

    def build(
        self,
        record: Mapping[str, t.Any] | NamiEvent | NamiUser,
        known: UserProfile = UNKNOWN_USER,
        *,
        stream: str = "records",
    ) -> EncodedEvent | Filtered | Refusal:
        """Return a record's event ready to be sent, or why there is none.

        Args:
            record: A record in any shape of Nami's, or what was read of one.
            known: What earlier records said of its user: an External ID for a record
                that has none, a state for a `user.*` event that has none.
            stream: Its stream, for `event_streams` and `user_streams`.
        """
        if isinstance(record, Mapping):
            row = plain(record)
            if isinstance(row, Refusal):
                return row
            found = self._reader_of(stream).read(row)
            if isinstance(found, NotSent):
                return found.outcome
            record = found
        else:
            jsontext.expect_not_finite()  # nobody has looked at its numbers
        try:
            return self._build(record, known, stream)
        except UnreadableRecord as error:
            return refusal_of(error)

    def _reader_of(self, stream: str) -> RowReader:
        reader = self._readers.get(stream)
        if reader is None:
            reader = RowReader(stream, self._settings, self._event_filter)
            self._readers[stream] = reader
        return reader

    def _build(
        self, record: NamiEvent | NamiUser, known: UserProfile, stream: str
    ) -> EncodedEvent | Filtered | Refusal:
        if isinstance(record, NamiEvent):
            reason = self._event_filter.reason_to_skip(record)
            if reason is not None:
                return Filtered(reason)
        identity = identify(record, known.external_id, self._settings.mapping)
        if isinstance(identity, Unnamed):
            if identity.outcome == "filtered":
                return Filtered(identity.reason)
            return identity.refusal
        if isinstance(record, NamiEvent):
            state, _ = state_of(record, known)
            mapped = self._mapper.map_event(record, identity, state)
            sent_event = sent_event_of(mapped, record.event_type)
        else:
            update = self._mapper.map_user(record, identity)
            if update is None:
                return Filtered("nothing_to_set")
            mapped, sent_event = update, sent_event_of(update)
        return encode_event(
            mapped,
            sent_event,
            user_key_of(record),
            Origin(self._event_filter.report_key_of(record), stream, b""),
            self._checks,
            lambda _report_key: Checkpoint(),
        )


def state_of(event: NamiEvent, known: UserProfile) -> tuple[UserState, int | None]:
    """Return the state that an event sends, and as of when that is.

    A `user.*` event without a state of its own sends the one that is known, unless that
    is newer than the event.
    """
    if (
        event.state == NO_STATE
        and event.event_type.startswith("user.")
        and not known.is_newer_than(event.time)
    ):
        return known.state or NO_STATE, known.state_time
    return event.state, event.time


def sent_event_of(mapped: AmplitudeEvent, event_type: str | None = None) -> SentEvent:
    """Return what is remembered of an event once Amplitude has it.

    Args:
        mapped: The event.
        event_type: Nami's; None for a `$identify`, whose insert id is made of all that
            it says: no other one has that, whatever its time.
    """
    insert_id, device_id, user_id = mapped.insert_id, mapped.device_id, mapped.user_id
    return SentEvent(
        event_type or mapped.event_type,
        None if event_type is None else mapped.time,
        dedup_key(insert_id, device_id, user_id),
        insert_id,
        device_id,
        user_id,
    )


def encode_event(  # noqa: PLR0913, PLR0917 - all that an event carries
    mapped: AmplitudeEvent,
    sent_event: SentEvent,
    user_key: str,
    origin: Origin,
    checks: Checks,
    open_checkpoint: Callable[[str], Checkpoint],
    *,
    is_late: bool = False,
    repeats_last_state: bool = False,
) -> EncodedEvent | Refusal:
    """Return an event ready to be sent, or why Amplitude would refuse it.

    Args:
        mapped: The event.
        sent_event: What is remembered of it.
        user_key: Its Nami user.
        origin: Where its record came from.
        checks: Amplitude's rules.
        open_checkpoint: Counts the record of an event that can be sent, by report key.
        is_late: Whether it is kept from user properties for being late.
        repeats_last_state: Whether it sets what the event with its key has set last.
    """
    body = checks.encode(
        mapped, numbers_are_finite=not jsontext.may_have_met_not_finite()
    )
    if isinstance(body, Refusal):
        return body
    return EncodedEvent(
        body,
        mapped.user_id,
        mapped.device_id,
        user_key,
        sent_event,
        origin,
        open_checkpoint(origin.report_key),
        memory_bytes_of(body, origin.line),
        is_late,
        repeats_last_state,
    )
