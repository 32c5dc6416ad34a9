"""The seven answers that a request can get; `delivery` acts on them without HTTP."""

from __future__ import annotations

import math
import typing as t

import msgspec

from target_amplitude_nami.outcomes import Refusal


class Delivered(msgspec.Struct, frozen=True):
    """Amplitude has all events; `ingested` is its own count, where it gave one."""

    ingested: int | None


class Throttle(msgspec.Struct, frozen=True):
    """Which users and devices have to wait, and for how long.

    If none is named, all have to wait. Those in the `quota` fields are over their daily
    limit, so waiting within the run does not help them.
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
    """Amplitude took nothing, and names events; the others may go again at once.

    `events` are named by their index in the request, `devices` by device id.
    """

    events: dict[int, Refusal]
    devices: dict[str, Refusal]
    throttle: Throttle | None = None
    message: str = ""


class RefusedUnattributed(msgspec.Struct, frozen=True):
    """Amplitude took nothing and does not name the events at fault."""

    status: int
    message: str


class TooLarge(msgspec.Struct, frozen=True):
    """Amplitude took nothing: the request has too many bytes or events."""

    message: str


class Throttled(msgspec.Struct, frozen=True):
    """Amplitude took nothing: some users or all have to wait."""

    throttle: Throttle
    message: str


class Unknown(msgspec.Struct, frozen=True):
    """Amplitude may have taken the events or not; the same bytes may go again."""

    message: str
    seconds: float = 0.0
    """How long the server asked to wait."""
    longest_wait: float = math.inf
    """How long to wait at most."""


class Fatal(msgspec.Struct, frozen=True):
    """The request must not be sent again; `message` says what to do."""

    message: str


Answer: t.TypeAlias = (
    Delivered | Refused | RefusedUnattributed | TooLarge | Throttled | Unknown | Fatal
)
