"""Where Amplitude's own clients send to in the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_amplitude_nami.local.server import LocalAmplitude

API_KEY = "a-known-key"


@dataclass(slots=True)
class Clock:
    """A clock that is set."""

    seconds: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass(frozen=True, slots=True)
class Destination:
    """A local Amplitude that knows one key, and its clock."""

    local: LocalAmplitude
    clock: Clock
