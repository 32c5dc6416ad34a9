"""What the command `load` and its worker processes send each other."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from target_amplitude_nami.errors import AmplitudeNamiError
    from target_amplitude_nami.partitions.outcome import Outcome
    from target_amplitude_nami.settings import Settings


@dataclass(frozen=True, slots=True)
class Options:
    """The first message to a worker: what is the same for all parts."""

    settings: Settings
    stream: str
    slots: int
    """How many workers share out `max_events_per_second`."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Asks a worker to read no more, and to deliver what it has read."""

    grace_seconds: float


@dataclass(frozen=True, slots=True)
class RowsRead:
    """How many rows of its part a worker has read so far."""

    rows: int


@dataclass(frozen=True, slots=True)
class Warned:
    """What a worker warns of."""

    text: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """A worker has done what it could of its part, and its rejects are on the disk."""

    outcome: Outcome
    rows: int
    """How many rows were read."""

    @property
    def is_settled(self) -> bool:
        """Whether all of these rows are delivered, filtered or rejected."""
        return self.outcome.report.counts.open == 0


@dataclass(frozen=True, slots=True)
class Failed:
    """A worker could not deliver its part."""

    error: AmplitudeNamiError
