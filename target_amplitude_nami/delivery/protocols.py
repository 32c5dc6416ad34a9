"""What delivery needs from others: a sender of requests, and who records outcomes."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from target_amplitude_nami.amplitude.answers import Answer
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Refusal


class Undelivered(t.NamedTuple):
    """The events of a request that Amplitude does not have yet."""

    to_send: Sequence[EncodedEvent]
    """Those to send now, in order."""
    waiting: Sequence[EncodedEvent] = ()
    """Those whose key is in flight with another event, and what comes behind them for
    the same users, in order."""


class Outcomes(t.Protocol):
    """Records what became of a project's events; called from the lanes' threads."""

    def drop_delivered(self, events: Sequence[EncodedEvent], /) -> Undelivered:
        """Settle the events that Amplitude has; return the others."""

    def delivered(self, events: Sequence[EncodedEvent], /) -> None:
        """Settle events that Amplitude has taken."""

    def rejected(self, event: EncodedEvent, refusal: Refusal, /) -> None:
        """Settle an event that Amplitude will not take."""


class Sender(t.Protocol):
    """Sends the requests of one lane."""

    def encode(self, events: Iterable[bytes], /) -> bytes:
        """Return the body of a request with these events."""

    def post(self, body: bytes, count: int, /) -> Answer:
        """Send a body that holds `count` events; return an answer in any case."""

    def close(self) -> None:
        """Close the connection."""
