"""Processes one record: filter, identify, map, check; it is settled or sent."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import purchase
from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.nami.state import NO_STATE
from target_amplitude_nami.outcomes import (
    Occurrence,
    Origin,
    Project,
    Refusal,
    SentEvent,
    dedup_key,
)
from target_amplitude_nami.pipeline import held_record
from target_amplitude_nami.pipeline.event_builder import (
    encode_event,
    sent_event_of,
    state_of,
)
from target_amplitude_nami.pipeline.freshness import FreshnessTracker
from target_amplitude_nami.pipeline.identity import Unnamed, identify
from target_amplitude_nami.pipeline.insert_ids import with_sequential_id
from target_amplitude_nami.pipeline.mapping import EventMapper
from target_amplitude_nami.pipeline.row_reader import refusal_of

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.amplitude.checks import Checks
    from target_amplitude_nami.pipeline.event_filter import EventFilter
    from target_amplitude_nami.pipeline.identity import IdentityResolver
    from target_amplitude_nami.pipeline.outbox import Outbox
    from target_amplitude_nami.pipeline.ports import Outcomes
    from target_amplitude_nami.settings.options import MappingOptions
    from target_amplitude_nami.store.profiles import UserProfile
    from target_amplitude_nami.store.protocol import Store

_SANDBOX_SUFFIX = " (sandbox)"
"""Follows the event type where events of the sandbox go to another project."""


class RecordProcessor:
    """Processes records one after the other, with what the store knows."""

    def __init__(  # noqa: PLR0913 - all that a record meets
        self,
        options: MappingOptions,
        *,
        event_filter: EventFilter,
        identities: IdentityResolver,
        store: Store,
        checks: Checks,
        outcomes: Outcomes,
        outbox: Outbox,
        note_no_id: Callable[[str], None],
        is_future: Callable[[int], bool],
    ) -> None:
        """Take the parts that a record meets.

        Args:
            options: The settings.
            event_filter: Decides which events are sent.
            identities: Learns the state of users.
            store: What is known from earlier records.
            checks: Amplitude's rules.
            outcomes: Records what became of each record.
            outbox: Takes the events.
            note_no_id: Called with the stream of an event that has no id.
            is_future: Returns whether only a wrong clock can have given a time, ms.
        """
        self._options = options
        self._reason_to_skip = event_filter.reason_to_skip
        self._with_state = identities.with_state
        self._delivered_before = store.delivered_before
        self._checks = checks
        self._outcomes = outcomes
        self._open_checkpoint = outcomes.open
        self._outbox = outbox
        self._note_no_id = note_no_id
        mapper = EventMapper(options)
        self._map_event = mapper.map_event
        self._map_user = mapper.map_user
        self._freshness = {
            project: FreshnessTracker(sent_states, store.run, is_future)
            for project, sent_states in store.sent_states.items()
        }
        self._has_sandbox_project = options.has_sandbox_project
        self._may_have_sent_nami_id = options.anonymous_users == "nami_user_id"
        self._skips_stale = options.stale_user_properties == "skip"
        self._is_backfill = options.backfill

    def process(  # noqa: C901, PLR0911 - more calls would take longer
        self,
        record: NamiEvent | NamiUser,
        origin: Origin,
        user_key: str,
        profile: UserProfile,
    ) -> UserProfile:
        """Settle a record, or send its event.

        Args:
            record: The record.
            origin: Where it came from.
            user_key: The key of its user.
            profile: What is known of that user, the ids of this record included.

        Returns:
            The profile with the record's state.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        if not isinstance(record, NamiEvent):
            return self._process_user(record, origin, user_key, profile)
        event = record
        reason = self._reason_to_skip(event)
        if reason is not None:
            self._outcomes.filter(origin, reason)
            return profile
        project: Project = "main"
        if self._has_sandbox_project and purchase.is_sandbox(event.properties):
            report_key = origin.report_key + _SANDBOX_SUFFIX
            origin = msgspec.structs.replace(origin, report_key=report_key)
            project = "sandbox"
        identity = identify(event, profile.external_id, self._options)
        if isinstance(identity, Unnamed):
            self._settle_unnamed(identity, event, origin)
            return profile
        event_type, time, state = event.event_type, event.time, event.state
        state_time: int | None = time
        sends_state = event_type.startswith("user.")
        if sends_state and state == NO_STATE and project == "main":
            state, state_time = state_of(event, profile)
        freshness = self._freshness[project]
        sent = freshness.sent_to(identity)
        is_late = self._skips_stale and sent.is_newer_than(time)
        try:
            mapped = self._map_event(event, identity, state, is_stale=is_late)
        except UnreadableRecord as error:
            self._outcomes.reject(origin, refusal_of(error))
            return profile
        if mapped.insert_id != event.event_id:
            self._note_no_id(origin.stream)
        sent_event = sent_event_of(mapped, event_type)
        first = self._delivered_before(project, sent_event.key)
        if first is None and self._may_have_sent_nami_id:
            first = self._delivered_as_nami_id(project, sent_event, event)
        if first is not None:
            self._outcomes.repeat(origin, project, sent_event, first)
            return profile
        encoded = encode_event(
            mapped,
            sent_event,
            user_key,
            origin,
            self._checks,
            self._open_checkpoint,
            # In a backfill no event changes user properties, late or not.
            is_late=is_late and not self._is_backfill,
            repeats_last_state=freshness.repeats_last_state(
                sent, mapped, sent_event.key
            ),
        )
        if isinstance(encoded, Refusal):
            self._outcomes.reject(origin, encoded)
            return profile
        self._outbox.add(encoded, project, time)
        if sends_state:
            freshness.note(sent, state, state_time, mapped, key=sent_event.key)
            if project == "main":  # what testers have is no state of the main project
                return self._with_state(profile, event.state, time)
        return profile

    def _process_user(
        self, user: NamiUser, origin: Origin, user_key: str, profile: UserProfile
    ) -> UserProfile:
        identity = identify(user, profile.external_id, self._options)
        if isinstance(identity, Unnamed):
            self._settle_unnamed(identity, user, origin)
            return profile
        mapped = self._map_user(user, identity)
        if mapped is None:
            self._outcomes.filter(origin, "nothing_to_set")
            return profile
        freshness = self._freshness["main"]
        sent = freshness.sent_to(identity)
        if self._skips_stale and sent.is_newer_than(user.time):
            self._outcomes.filter(origin, "stale_user_record")
            return profile
        is_repeat = freshness.is_unchanged(sent, mapped)
        if is_repeat and (
            freshness.was_sent_in_this_run(sent)
            or self._delivered_before("main", sent.state.key) is not None
        ):
            self._outcomes.filter(origin, "unchanged")
            freshness.note_unchanged(sent, user.time)
        else:
            if user.time is None:
                mapped = with_sequential_id(mapped, sent.state, is_repeat=is_repeat)
            sent_event = sent_event_of(mapped)
            encoded = encode_event(
                mapped,
                sent_event,
                user_key,
                origin,
                self._checks,
                self._open_checkpoint,
                repeats_last_state=freshness.repeats_last_state(
                    sent, mapped, sent_event.key
                ),
            )
            if isinstance(encoded, Refusal):
                self._outcomes.reject(origin, encoded)
                return profile
            self._outbox.add(encoded, "main", None)
            freshness.note(sent, user.state, user.time, mapped, key=sent_event.key)
        return self._with_state(profile, user.state, user.time)

    def _settle_unnamed(
        self, unnamed: Unnamed, record: NamiEvent | NamiUser, origin: Origin
    ) -> None:
        match unnamed.outcome:
            case "filtered":
                self._outcomes.filter(origin, unnamed.reason)
            case "held":
                self._outcomes.hold(
                    origin,
                    record.user_id or "",
                    held_record.pack(record),
                    is_of_now=record.time is None,
                )
            case "rejected":
                self._outcomes.reject(origin, unnamed.refusal)

    def _delivered_as_nami_id(
        self, project: Project, sent_event: SentEvent, event: NamiEvent
    ) -> Occurrence | None:
        """Return the same event, delivered before its user had an External ID.

        Without a device it went under the Nami user id.
        """
        if (
            sent_event.device_id
            or event.external_id
            or event.user_id == sent_event.user_id
        ):
            return None
        key = dedup_key(sent_event.insert_id, None, event.user_id)
        return self._delivered_before(project, key)
