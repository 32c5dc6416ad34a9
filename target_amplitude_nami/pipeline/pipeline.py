"""Takes records from their reading to delivery, several at a time."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.amplitude.event import target_of
from target_amplitude_nami.nami.model import NamiEvent
from target_amplitude_nami.outcomes import DedupKey, Origin, dedup_key
from target_amplitude_nami.pipeline import held_record
from target_amplitude_nami.pipeline.event_filter import EventFilter
from target_amplitude_nami.pipeline.identity import (
    Identity,
    IdentityResolver,
    identify,
    user_key_of,
)
from target_amplitude_nami.pipeline.outbox import Outbox
from target_amplitude_nami.pipeline.record_processor import RecordProcessor

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.amplitude.checks import Checks
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.nami.model import NamiUser
    from target_amplitude_nami.outcomes import Project
    from target_amplitude_nami.pipeline.ports import Notices, Outcomes
    from target_amplitude_nami.settings.options import MappingOptions
    from target_amplitude_nami.store.model import Held
    from target_amplitude_nami.store.protocol import Store

_RECORDS_AT_ONCE = 200


class Pipeline:
    """Takes the records of all streams, and the held ones that the store releases."""

    def __init__(  # noqa: PLR0913 - all that a record meets
        self,
        options: MappingOptions,
        *,
        store: Store,
        checks: Checks,
        outcomes: Outcomes,
        submit: Callable[[Project, Sequence[EncodedEvent]], None],
        notices: Notices,
        is_future: Callable[[int], bool],
    ) -> None:
        """Take the parts that records meet.

        Args:
            options: The settings.
            store: What is known from earlier records.
            checks: Amplitude's rules.
            outcomes: Records what became of each record.
            submit: Hands events to delivery, in order; may wait.
            notices: Warns of suspicious records.
            is_future: Returns whether only a wrong clock can have given a time, ms.
        """
        self._options = options
        self._store = store
        self._users = store.users
        self._outcomes = outcomes
        self.event_filter: t.Final = EventFilter(options, notices.note_new_type)
        self._identities = IdentityResolver(store, checks, is_future)
        self._outbox = Outbox(submit, notices.note_time)
        self._report_key_of = self.event_filter.report_key_of
        self._with_ids = self._identities.with_ids
        self._process_record = RecordProcessor(
            options,
            event_filter=self.event_filter,
            identities=self._identities,
            store=store,
            checks=checks,
            outcomes=outcomes,
            outbox=self._outbox,
            note_no_id=notices.note_no_id,
            is_future=is_future,
        ).process
        self._holds = (
            options.anonymous_users == "hold" and options.user_source == "external_id"
        )
        self._records: list[NamiEvent | NamiUser] = []
        self._origins: list[Origin] = []

    def take(self, record: NamiEvent | NamiUser, stream: str, line: bytes) -> None:
        """Take a record, which is processed at the latest by the next `flush`.

        Args:
            record: The record.
            stream: The stream that it was read from.
            line: The message that it was read from.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        records = self._records
        records.append(record)
        self._origins.append(Origin(self._report_key_of(record), stream, line))
        if len(records) >= _RECORDS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Settle the records that were taken, or hand them to delivery, in order.

        Several at a time, so that the store can look up at once all that they need.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        records, self._records = self._records, []
        origins, self._origins = self._origins, []
        self._store.apply_invalidations()
        if not self._store.is_all_in_ram:
            self._look_ahead(records)
        for record, origin in zip(records, origins, strict=True):
            self._process(record, origin)
        self._outbox.submit()

    def release(
        self, tick: Callable[[], None], is_stopping: Callable[[], bool]
    ) -> None:
        """Send the records that an earlier run held and that need not wait any more.

        They can be named meanwhile, or the settings do not hold records any more.

        Args:
            tick: Called every so many records, to let time pass.
            is_stopping: Returns whether the others must wait for the next run.

        Raises:
            DeliveryError: When nothing more can be delivered.
        """
        store = self._store
        records = store.held_of_identified_users() if self._holds else store.all_held()
        for number, held in enumerate(records):
            if number % _RECORDS_AT_ONCE == 0:
                self._outbox.submit()
                tick()
                if is_stopping():
                    return
            self._process_held(held)
        self._outbox.submit()

    def _look_ahead(self, records: Sequence[NamiEvent | NamiUser]) -> None:
        self._users.prepare(map(user_key_of, records))
        targets: set[str] = set()
        keys: set[DedupKey] = set()
        for record in records:
            external_id = record.external_id
            if external_id is None:
                external_id = self._users.get(user_key_of(record)).external_id
            identity = identify(record, external_id, self._options)
            if isinstance(identity, Identity):
                user_id, device_id = identity.user_id, identity.device_id
                targets |= {identity.target, target_of(None, device_id)}
                if isinstance(record, NamiEvent) and record.event_id:
                    keys.add(dedup_key(record.event_id, device_id, user_id))
        self._store.prepare(targets, keys)

    def _process(self, record: NamiEvent | NamiUser, origin: Origin) -> None:
        user_key = user_key_of(record)
        before = self._users.get(user_key)
        profile = self._with_ids(before, record)
        if (
            self._holds
            and before.external_id is None
            and profile.external_id is not None
        ):
            # The user's held records come first: they may say more.
            self._users.put(user_key, profile)
            for number, held in enumerate(self._store.held_of(user_key)):
                if number % _RECORDS_AT_ONCE == 0:
                    self._outbox.submit()
                self._process_held(held)
            before = profile = self._users.get(user_key)
        profile = self._process_record(record, origin, user_key, profile)
        if profile is not before:
            self._users.put(user_key, profile)

    def _process_held(self, held: Held) -> None:
        """Process a record that was held; it counts as read once more."""
        try:
            record = held_record.unpack(held.record)
            held_record.check_line(held.line)
        except ValueError as error:
            raise self._store.damaged() from error
        self._outcomes.note_unheld(held.stream)
        report_key = self.event_filter.report_key_of(record)
        origin = Origin(report_key, held.stream, held.line, held.number)
        user_key = user_key_of(record)
        before = self._users.get(user_key)
        profile = self._process_record(record, origin, user_key, before)
        if profile is not before:
            self._users.put(user_key, profile)
