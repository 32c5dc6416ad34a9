"""The parts that a pipeline is given: where outcomes and warnings go."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from target_amplitude_nami.outcomes import (
        Checkpoint,
        Occurrence,
        Origin,
        Project,
        Refusal,
        SentEvent,
    )


class Outcomes(t.Protocol):
    """Records what became of each record."""

    def open(self, report_key: str, /) -> Checkpoint:
        """Count a record whose event goes to delivery; return where it is open."""

    def filter(self, origin: Origin, reason: str, /) -> None:
        """Settle a record that the settings leave out."""

    def reject(self, origin: Origin, refusal: Refusal, /) -> None:
        """Settle a record that cannot be delivered, and keep it."""

    def hold(
        self, origin: Origin, user_id: str, record: bytes, /, *, is_of_now: bool
    ) -> object:
        """Keep a record until its user has an External ID."""

    def repeat(
        self,
        origin: Origin,
        project: Project,
        sent_event: SentEvent,
        first: Occurrence,
        /,
    ) -> None:
        """Settle an event that an earlier run delivered."""

    def note_unheld(self, stream: str, /) -> None:
        """Count a held record of a stream, which is read once more."""


class Notices(t.Protocol):
    """Warns of what is suspicious about the records, each thing once."""

    def note_new_type(self, event_type: str, /) -> None:
        """Warn that events of a type that is not documented are left out."""

    def note_no_id(self, stream: str, /) -> None:
        """Warn that events have no id, so that their contents identify them."""

    def note_time(self, milliseconds: int, /) -> None:
        """Warn that Amplitude has forgotten events as old as one that is sent."""
