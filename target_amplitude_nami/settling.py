"""What becomes of the events of one Amplitude project: told by its lanes."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.memory import target_of

if t.TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from target_amplitude_nami.amplitude.event import Refusal
    from target_amplitude_nami.amplitude.outgoing import Outgoing
    from target_amplitude_nami.ledger import Ledger
    from target_amplitude_nami.memory import Mark, Memory, Project


class Settling:
    """Brings the outcome into the memory first, and then into the ledger.

    In this order, as the ledger lets STATE go; and before the memory forgets a held
    record that was rejected, the rejects file has it.
    """

    def __init__(self, ledger: Ledger, memory: Memory, project: Project) -> None:
        """Take who keeps what became of the events of a project."""
        self._ledger = ledger
        self._memory = memory
        self._project = project

    def sift(self, events: Sequence[Outgoing]) -> Sequence[Outgoing]:
        """Settle the events that were delivered before; return the others, in order.

        Of two copies the second goes with the first: that was read before, so no STATE
        leaves without it.
        """
        marks = [event.origin.mark for event in events]
        known = self._memory.delivered_among(self._project, marks)
        if not known and len(set(marks)) == len(marks):
            return events
        fresh: list[Outgoing] = []
        repeats: list[Outgoing] = []
        bodies: dict[Mark, bytes] = {}
        for event in events:
            # Should Amplitude refuse the first, one that differs may still be good.
            mark = event.origin.mark
            if mark in known or bodies.get(mark) == event.body:
                repeats.append(event)
            else:
                bodies[mark] = event.body
                fresh.append(event)
        # A copy of what is yet to be sent must not pass for a delivered event.
        self._remember(repeats, known)
        for event in repeats:
            if event.origin.mark in known:
                self._doubt(event)
        self._ledger.settle_repeats(repeats)
        return fresh

    def delivered(self, events: Sequence[Outgoing]) -> None:
        """Settle events that Amplitude has."""
        self._remember(events, [event.origin.mark for event in events])
        self._ledger.settle_delivered(events)
        if self._memory.wants_commit:
            self._ledger.save()

    def rejected(self, event: Outgoing, refusal: Refusal) -> None:
        """Settle an event that Amplitude will not take, and keep its record."""
        self._ledger.keep_record(event, refusal)
        if event.origin.held is not None:
            self._memory.forget_held(event.origin.held)
        self._doubt(event)
        self._ledger.settle_rejected(event, refusal)

    def _remember(self, events: Sequence[Outgoing], marks: Collection[Mark]) -> None:
        held = [e.origin.held for e in events if e.origin.held is not None]
        self._memory.settle(self._project, marks, held)

    def _doubt(self, event: Outgoing) -> None:
        """Take note that an event has told nothing by itself."""
        target = target_of(event.user_id, event.device_id)
        self._memory.doubt(self._project, target, event.origin.mark)
