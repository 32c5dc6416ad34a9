"""Records what became of each record, in one order.

Rejects go to disk first, then the store remembers, then the ledger counts, and only
then a STATE leaves: a crash between two of these repeats nothing and loses nothing.
"""

from __future__ import annotations

import time
import typing as t

from target_amplitude_nami.accounting.project_outcomes import ProjectOutcomes
from target_amplitude_nami.accounting.state_release import StateRelease

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.accounting.ledger import Ledger
    from target_amplitude_nami.accounting.reject_sink import RejectSink
    from target_amplitude_nami.outcomes import (
        Occurrence,
        Origin,
        Project,
        Refusal,
        SentEvent,
    )
    from target_amplitude_nami.store.protocol import Store


_SAVE_SECONDS: t.Final = 1.0
"""How often what was delivered is made safe, also without a STATE."""


class OutcomeRecorder:
    """The outcomes of a run's records.

    The reading thread calls all but `save`, which any thread may; the lanes of a
    project report to its `ProjectOutcomes`.
    """

    def __init__(
        self,
        ledger: Ledger,
        rejects: RejectSink,
        store: Store,
        write_state: Callable[[bytes], None] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the parts that keep outcomes.

        Args:
            ledger: Counts them.
            rejects: Where undeliverable records go.
            store: What outlives the run.
            write_state: Writes a STATE; None: the run emits none.
            now: Returns monotonic seconds.
        """
        self._now = now
        self._saved_at = now()
        self._ledger = ledger
        self._rejects = rejects
        self._store = store
        self.state: t.Final = StateRelease(ledger, self.save, write_state)
        """Takes STATE messages, and releases them."""
        self.open: t.Final = ledger.open
        """Counts a record whose event goes to delivery; returns where it is open."""

    def of_project(self, project: Project) -> ProjectOutcomes:
        """Return what the lanes of a project report to."""
        return ProjectOutcomes(
            project,
            ledger=self._ledger,
            rejects=self._rejects,
            store=self._store,
            release_state=self.state.release,
            save_if_due=self.save_if_due,
        )

    # Records that are read

    def filter(self, origin: Origin, reason: str) -> None:
        """Settle a record that the settings leave out."""
        self._ledger.filter(origin.report_key, reason)
        if origin.held is not None:
            self._store.forget_held(origin.held)

    def reject(self, origin: Origin, refusal: Refusal) -> None:
        """Settle a record that cannot be delivered, and keep it.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        self._rejects.write(origin.stream, origin.line, refusal)
        self._ledger.reject(origin.report_key, refusal.reason)
        if origin.held is not None:
            self._store.forget_held(origin.held)

    def hold(
        self, origin: Origin, user_id: str, record: bytes, *, is_of_now: bool
    ) -> bool:
        """Keep a record until its user has an External ID; return whether it is new.

        Args:
            origin: Where it came from.
            user_id: The Nami user.
            record: What was understood of it.
            is_of_now: Whether it has no time, so that it holds from now on.
        """
        is_new = self._store.hold(
            user_id, origin.stream, origin.line, record, is_of_now=is_of_now
        )
        if is_new:
            self._ledger.hold(origin.report_key)
        else:
            self._ledger.repeat(origin.report_key)
        return is_new

    def note_unheld(self, stream: str) -> None:
        """Count a record of a stream that was held: it is read once more."""
        self._rejects.declare_if_missing(stream)
        self._ledger.note_released()

    def repeat(
        self,
        origin: Origin,
        project: Project,
        sent_event: SentEvent,
        first: Occurrence,
    ) -> None:
        """Settle an event that an earlier run delivered, and go on remembering it."""
        held = [] if origin.held is None else [origin.held]
        self._store.settle(project, [sent_event], held)
        is_conflict = sent_event.differs_from(first)
        self._ledger.repeat(
            origin.report_key, sent_event.insert_id if is_conflict else None
        )

    def save(self) -> None:
        """Make the rejects and the changes of the store survive a crash.

        In this order: the store forgets the held records that were rejected. More may
        be rejected between the two, so that the commit syncs once more before it.

        Raises:
            AmplitudeNamiError: When the disk does not take it.
        """
        self._saved_at = self._now()
        self._rejects.sync()
        self._store.commit(self._rejects.sync)

    def save_if_due(self, after_seconds: float = _SAVE_SECONDS) -> None:
        """Save what a store cannot keep in RAM, or what waits for long.

        Args:
            after_seconds: How long.

        Raises:
            AmplitudeNamiError: When the disk does not take it.
        """
        if self._store.wants_commit or self._now() - self._saved_at >= after_seconds:
            self.save()
