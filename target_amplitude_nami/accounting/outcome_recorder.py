"""What becomes of the events of one Amplitude project: told by its lanes."""

from __future__ import annotations

import threading
import typing as t

from target_amplitude_nami.delivery.protocols import Undelivered

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from target_amplitude_nami.accounting.ledger import Ledger
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import (
        DedupKey,
        Occurrence,
        Project,
        Refusal,
        SentEvent,
    )
    from target_amplitude_nami.store.sqlite_store import SqliteStore


class OutcomeRecorder:
    """Brings the outcome into the memory first, and then into the ledger.

    In this order, as the ledger lets STATE go; and before the memory forgets a held
    record that was rejected, the rejects file has it.
    """

    def __init__(self, ledger: Ledger, memory: SqliteStore, project: Project) -> None:
        """Take who keeps what became of the events of a project."""
        self._ledger = ledger
        self._memory = memory
        self._project = project
        self._lock = threading.Lock()
        self._in_flight: dict[DedupKey, EncodedEvent] = {}
        """The events of all lanes that were let go and have no outcome yet."""

    def drop_delivered(self, events: Sequence[EncodedEvent]) -> Undelivered:
        """Settle the events that Amplitude has, or is just given; return the others.

        Of two events with one id and device Amplitude keeps the first. So the second
        waits for the outcome, with what comes behind it: where the first is refused,
        one that differs may still be good. One that has the same bytes goes with the
        first, without which no STATE leaves.
        """
        in_flight = self._in_flight
        keys: list[DedupKey] = [event.sent_event.key for event in events]
        with self._lock:
            twins = {
                id(event)
                for key, event in zip(keys, events, strict=True)
                if in_flight.setdefault(key, event) is not event
            }
        # Only now: an event is remembered as delivered before it is none in flight.
        known = self._memory.delivered_among(self._project, keys)
        if not known and not twins:
            return Undelivered(events)
        return self._sort(events, twins, known)

    def _sort(
        self,
        events: Sequence[EncodedEvent],
        twins: set[int],
        known: Mapping[DedupKey, Occurrence],
    ) -> Undelivered:
        fresh: list[EncodedEvent] = []
        waiting: list[EncodedEvent] = []
        repeats: list[EncodedEvent] = []
        copies: list[EncodedEvent] = []
        waiting_keys: set[str] = set()
        for event in events:
            key = event.sent_event.key
            is_twin = id(event) in twins
            first = self._in_flight.get(key) if is_twin else None
            if key in known:
                repeats.append(event)
            elif first is not None and first.body == event.body:
                copies.append(event)
            elif is_twin or not waiting_keys.isdisjoint(event.order_keys):
                waiting_keys.update(event.order_keys)
                waiting.append(event)
            else:
                fresh.append(event)
        # What waits behind another one is not let go: nobody may wait for it in turn.
        self._land([*repeats, *waiting])
        self._settle_repeats(repeats, known)
        # A copy of what is yet to be sent must not pass for a delivered event.
        self._remember(copies, [])
        self._ledger.settle_repeats(copies)
        return Undelivered(fresh, waiting)

    def _settle_repeats(
        self, repeats: Sequence[EncodedEvent], known: Mapping[DedupKey, Occurrence]
    ) -> None:
        sent: list[SentEvent] = [event.sent_event for event in repeats]
        self._remember(repeats, sent)
        for event in repeats:
            self._invalidate(event)
        self._ledger.settle_repeats(
            repeats,
            [one.insert_id for one in sent if one.differs_from(known[one.key])],
        )

    def delivered(self, events: Sequence[EncodedEvent]) -> None:
        """Settle events that Amplitude has."""
        self._remember(events, [event.sent_event for event in events])
        self._land(events)
        self._ledger.settle_delivered(events)
        if self._memory.wants_commit:
            self._ledger.save()

    def rejected(self, event: EncodedEvent, refusal: Refusal) -> None:
        """Settle an event that Amplitude will not take, and keep its record."""
        self._ledger.keep_record(event, refusal)
        if event.origin.held is not None:
            self._memory.forget_held(event.origin.held)
        self._invalidate(event)
        self._land([event])
        self._ledger.settle_rejected(event, refusal)

    def _land(self, events: Iterable[EncodedEvent]) -> None:
        """Take events out of those in flight, where they are among them."""
        in_flight = self._in_flight
        with self._lock:
            for event in events:
                key = event.sent_event.key
                if in_flight.get(key) is event:
                    del in_flight[key]

    def _remember(
        self, events: Sequence[EncodedEvent], sent: Iterable[SentEvent]
    ) -> None:
        held = [e.origin.held for e in events if e.origin.held is not None]
        self._memory.settle(self._project, sent, held)

    def _invalidate(self, event: EncodedEvent) -> None:
        """Take note that an event has told nothing by itself."""
        self._memory.invalidate(self._project, event.target, event.sent_event.key)
