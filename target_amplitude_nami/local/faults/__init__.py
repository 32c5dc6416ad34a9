"""Defines faults and decides which request each of them strikes."""

from target_amplitude_nami.local.faults.fault import (
    Do,
    Fault,
    FaultError,
    Faults,
    When,
)

__all__ = ["Do", "Fault", "FaultError", "Faults", "When"]
