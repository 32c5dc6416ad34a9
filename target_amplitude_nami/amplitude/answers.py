"""What Amplitude said to one request, in seven words; `delivery` knows no HTTP."""

from __future__ import annotations

import math
import typing as t

import msgspec

from target_amplitude_nami.outcomes import Refusal


class Delivered(msgspec.Struct, frozen=True):
    """Amplitude has all events; `ingested` is its own count, where it gave one."""

    ingested: int | None


class Throttle(msgspec.Struct, frozen=True):
    """Whom Amplitude wants to wait, and for how long.

    Nobody named means everybody. The `quota` ones are over their daily limit: waiting
    within the run is no use.
    """

    seconds: float
    indexes: frozenset[int] = frozenset()
    users: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    quota_users: frozenset[str] = frozenset()
    quota_devices: frozenset[str] = frozenset()

    @property
    def names_somebody(self) -> bool:
        """Whether only some events of the request have to wait."""
        return bool(
            self.indexes
            or self.users
            or self.devices
            or self.quota_users
            or self.quota_devices
        )


class Refused(msgspec.Struct, frozen=True):
    """Amplitude took nothing, and names events: the others may be sent again at once.

    `events` are named by their place in the request, `devices` by device id.
    """

    events: dict[int, Refusal]
    devices: dict[str, Refusal]
    throttle: Throttle | None = None
    said: str = ""


class RefusedUnattributed(msgspec.Struct, frozen=True):
    """Amplitude took nothing and does not say which event it minds."""

    status: int
    said: str


class TooLarge(msgspec.Struct, frozen=True):
    """Amplitude took nothing: the request has too many bytes or events."""

    said: str


class Throttled(msgspec.Struct, frozen=True):
    """Amplitude took nothing: some or all have to wait."""

    throttle: Throttle
    said: str


class Unknown(msgspec.Struct, frozen=True):
    """Nobody knows whether Amplitude took the events; the same bytes may go again."""

    said: str
    seconds: float = 0.0
    """How long the other side asked to wait."""
    longest_wait: float = math.inf
    """How long to wait at most."""


class Fatal(msgspec.Struct, frozen=True):
    """Sending again is no use; `said` tells a person what to do."""

    said: str


Answer: t.TypeAlias = (
    Delivered | Refused | RefusedUnattributed | TooLarge | Throttled | Unknown | Fatal
)
