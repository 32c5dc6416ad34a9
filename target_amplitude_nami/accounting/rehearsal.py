"""Rehearses a run: an observer sees the outcome of each record, and nothing is sent."""

from __future__ import annotations

import sys
import typing as t

from target_amplitude_nami.accounting.outcome_recorder import OutcomeRecorder
from target_amplitude_nami.delivery.traffic import Traffic
from target_amplitude_nami.delivery.waits import Waits

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.accounting.ledger import Ledger
    from target_amplitude_nami.accounting.project_outcomes import ProjectOutcomes
    from target_amplitude_nami.accounting.reject_sink import RejectSink
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import (
        Occurrence,
        Origin,
        Project,
        Refusal,
        SentEvent,
    )
    from target_amplitude_nami.store.protocol import Store


class Observer(t.Protocol):
    """Watches a rehearsal: one call for each record, by the thread that reads."""

    def on_event(self, project: Project, event: EncodedEvent, /) -> None:
        """Watch an event that a run would send."""

    def on_filtered(self, origin: Origin, reason: str, /) -> None:
        """Watch a record that the settings leave out."""

    def on_rejected(self, origin: Origin, refusal: Refusal, /) -> None:
        """Watch a record that cannot be delivered."""

    def on_held(self, origin: Origin, user_id: str, /) -> None:
        """Watch a record that would wait until its Nami user has an External ID."""

    def on_duplicate(self, origin: Origin, /) -> None:
        """Watch a record whose event Amplitude had before, or that is held already."""


class ObservedOutcomes(OutcomeRecorder):
    """The outcomes of a rehearsal's records, each shown to the observer."""

    def __init__(
        self, ledger: Ledger, rejects: RejectSink, store: Store, observer: Observer
    ) -> None:
        """Take the parts that keep outcomes, and who watches; no STATE is written."""
        super().__init__(ledger, rejects, store, write_state=None)
        self._observer = observer

    @override
    def filter(self, origin: Origin, reason: str) -> None:
        super().filter(origin, reason)
        self._observer.on_filtered(origin, reason)

    @override
    def reject(self, origin: Origin, refusal: Refusal) -> None:
        super().reject(origin, refusal)
        self._observer.on_rejected(origin, refusal)

    @override
    def hold(
        self, origin: Origin, user_id: str, record: bytes, *, is_of_now: bool
    ) -> bool:
        is_new = super().hold(origin, user_id, record, is_of_now=is_of_now)
        if is_new:
            self._observer.on_held(origin, user_id)
        else:
            self._observer.on_duplicate(origin)
        return is_new

    @override
    def repeat(
        self,
        origin: Origin,
        project: Project,
        sent_event: SentEvent,
        first: Occurrence,
    ) -> None:
        super().repeat(origin, project, sent_event, first)
        self._observer.on_duplicate(origin)


class RehearsedDeliveries:
    """Shows events to the observer in place of `Deliveries`; all count as delivered."""

    def __init__(
        self,
        outcomes_of: Callable[[Project], ProjectOutcomes],
        observer: Observer,
    ) -> None:
        """Take what counts the events of a project, and who watches."""
        self._outcomes_of = outcomes_of
        self._outcomes: dict[Project, ProjectOutcomes] = {}
        self._observer = observer
        self.traffic: t.Final = Traffic()
        self.waits: t.Final = Waits()

    def submit(self, project: Project, events: Sequence[EncodedEvent]) -> None:
        """Settle events, in order."""
        outcomes = self._outcomes.get(project)
        if outcomes is None:
            outcomes = self._outcomes[project] = self._outcomes_of(project)
        # One at a time: of two with one key, the second is a duplicate at once.
        for event in events:
            if outcomes.drop_delivered([event]).to_send:
                self._observer.on_event(project, event)
                outcomes.delivered([event])
            else:
                self._observer.on_duplicate(event.origin)

    def tick(self) -> None:
        """Do nothing: no request waits."""

    def flush(self) -> bool:
        """Return that all is settled."""
        return True

    def close(self, _grace_seconds: float = 0.0) -> None:
        """Do nothing: no request is in flight."""
