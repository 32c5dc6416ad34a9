"""Records the outcomes of one project's events, as its lanes report them."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.accounting.in_flight import InFlight
from target_amplitude_nami.delivery.protocols import Undelivered

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from target_amplitude_nami.accounting.ledger import Ledger
    from target_amplitude_nami.accounting.reject_sink import RejectSink
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import (
        DedupKey,
        Occurrence,
        Project,
        Refusal,
        SentEvent,
    )
    from target_amplitude_nami.store.protocol import Store


class ProjectOutcomes:
    """The outcomes of one project's events, as its lanes report them."""

    def __init__(  # noqa: PLR0913 - every part that keeps an outcome
        self,
        project: Project,
        *,
        ledger: Ledger,
        rejects: RejectSink,
        store: Store,
        release_state: Callable[[], None],
        save_if_due: Callable[[], None],
    ) -> None:
        """Take the parts that keep outcomes.

        Args:
            project: The Amplitude project that the events go to.
            ledger: Counts them.
            rejects: Where undeliverable records go.
            store: What outlives the run.
            release_state: Writes the STATE that nothing is open before.
            save_if_due: Makes the changes of the store survive a crash, now and then.
        """
        self._release_state = release_state
        self._save_if_due = save_if_due
        self._ledger = ledger
        self._rejects = rejects
        self._store = store
        self._project = project
        self._in_flight = InFlight()

    def drop_delivered(self, events: Sequence[EncodedEvent]) -> Undelivered:
        """Settle the events that Amplitude has, or is being sent; return the others.

        Of two events with one id and device Amplitude keeps the first. So the second
        waits for the outcome, with what comes behind it: where the first is refused,
        one that differs may still be good. One that has the same bytes goes with the
        first, without which no STATE leaves.
        """
        repeated = self._in_flight.add(events)
        # Only now: an event is remembered as delivered before it leaves the flight.
        known = self._store.delivered_among(
            self._project, [event.sent_event.key for event in events]
        )
        if not known and not repeated:
            return Undelivered(events)
        return self._sort(events, repeated, known)

    def delivered(self, events: Sequence[EncodedEvent]) -> None:
        """Settle events that Amplitude has."""
        self._remember(events, [event.sent_event for event in events])
        self._in_flight.remove(events)
        self._ledger.settle_delivered(events)
        self._release_state()
        self._save_if_due()

    def rejected(self, event: EncodedEvent, refusal: Refusal) -> None:
        """Settle an event that Amplitude will not take, and keep its record."""
        origin = event.origin
        self._rejects.write(origin.stream, origin.line, refusal)
        if origin.held is not None:
            self._store.forget_held(origin.held)
        self._invalidate(event)
        self._in_flight.remove([event])
        self._ledger.settle_rejected(event, refusal.reason)
        self._release_state()

    def _sort(
        self,
        events: Sequence[EncodedEvent],
        repeated: set[int],
        known: Mapping[DedupKey, Occurrence],
    ) -> Undelivered:
        fresh: list[EncodedEvent] = []
        waiting: list[EncodedEvent] = []
        repeats: list[EncodedEvent] = []
        copies: list[EncodedEvent] = []
        waiting_keys: set[str] = set()
        for event in events:
            key = event.sent_event.key
            is_repeated = id(event) in repeated
            first = self._in_flight.first_with(key) if is_repeated else None
            if key in known:
                repeats.append(event)
            elif first is not None and first.body == event.body:
                copies.append(event)
            elif is_repeated or not waiting_keys.isdisjoint(event.order_keys):
                waiting_keys.update(event.order_keys)
                waiting.append(event)
            else:
                fresh.append(event)
        # What waits behind another one is not let go: nobody may wait for it in turn.
        self._in_flight.remove([*repeats, *waiting])
        self._settle_repeats(repeats, known)
        # A copy of what is yet to be sent must not pass for a delivered event.
        self._remember(copies, [])
        self._invalidate_repeats(copies)
        self._ledger.settle_repeats(copies)
        self._release_state()
        return Undelivered(fresh, waiting)

    def _settle_repeats(
        self, repeats: Sequence[EncodedEvent], known: Mapping[DedupKey, Occurrence]
    ) -> None:
        sent = [event.sent_event for event in repeats]
        self._remember(repeats, sent)
        self._invalidate_repeats(repeats)
        self._ledger.settle_repeats(
            repeats,
            [one.insert_id for one in sent if one.differs_from(known[one.key])],
        )

    def _remember(
        self, events: Sequence[EncodedEvent], sent: Iterable[SentEvent]
    ) -> None:
        held = [e.origin.held for e in events if e.origin.held is not None]
        self._store.settle(self._project, sent, held)

    def _invalidate_repeats(self, events: Iterable[EncodedEvent]) -> None:
        # Whether the first one is in flight or delivered is a matter of time, which
        # must not decide what becomes of later records.
        for event in events:
            if not event.repeats_last_state:
                self._invalidate(event)

    def _invalidate(self, event: EncodedEvent) -> None:
        """Note that an event has set no properties by itself."""
        self._store.invalidate(self._project, event.target, event.sent_event.key)
