"""What travels through delivery, and who is told how it ended."""

from __future__ import annotations

import dataclasses
import time
import typing as t

import msgspec

if t.TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Iterator, Sequence

    from target_amplitude_nami.amplitude.answers import Answer
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Refusal


def memory_of(events: Sequence[EncodedEvent]) -> int:
    """Return how much memory several events take together."""
    return sum([event.memory_bytes for event in events])


class Sifted(t.NamedTuple):
    """What there is to do about events; all others of them are settled."""

    fresh: Sequence[EncodedEvent]
    """Those that Amplitude does not have, in order."""
    waiting: Sequence[EncodedEvent] = ()
    """Those that have the id and device of one whose outcome is not known yet, and what
    comes behind them for the same users, in order."""


class Settlement(t.Protocol):
    """Who is told what became of the events; called from the lanes' threads."""

    def sift(self, events: Sequence[EncodedEvent], /) -> Sifted:
        """Settle the events that Amplitude has; return the others."""

    def delivered(self, events: Sequence[EncodedEvent], /) -> None:
        """Amplitude has these."""

    def rejected(self, event: EncodedEvent, refusal: Refusal, /) -> None:
        """Amplitude will not take this one."""


class Sender(t.Protocol):
    """What takes the requests of one lane: a connection, as a rule."""

    def encode(self, events: Iterable[bytes], /) -> bytes:
        """Return the body of a request with these events."""

    def post(self, body: bytes, count: int, /) -> Answer:
        """Send a body that holds `count` events. Never raises."""

    def close(self) -> None:
        """Close the connection."""


class Stopped(Exception):  # noqa: N818
    """Delivery must end at once; what is not settled stays unsettled."""


class RequestLimits(msgspec.Struct, frozen=True):
    """How much one request may hold."""

    events: int
    event_bytes: int
    """Bytes of the events and the commas between them."""

    def pack(self, events: Sequence[EncodedEvent]) -> Iterator[list[EncodedEvent]]:
        """Split events, in order, into as few requests as the limits allow."""
        if self._have_room_for(events):
            yield list(events)
            return
        request: list[EncodedEvent] = []
        size = 0
        for event in events:
            more = len(event.body) + 1
            is_full = len(request) == self.events or size + more > self.event_bytes
            if request and is_full:
                yield request
                request, size = [], 0
            request.append(event)
            size += more
        if request:
            yield request

    def _have_room_for(self, events: Sequence[EncodedEvent]) -> bool:
        count = len(events)
        if not 0 < count <= self.events:
            return False
        return sum([len(event.body) for event in events]) + count <= self.event_bytes


@dataclasses.dataclass(slots=True)
class Traffic:
    """What was sent, for the report."""

    requests: int = 0
    retries: int = 0
    """Requests that sent the same bytes again because the outcome was unknown."""
    throttled: int = 0
    """Answers that asked somebody to wait."""
    body_bytes: int = 0
    """Bytes of bodies, compressed where the destination takes that."""
    miscounted: int = 0
    """Requests of which Amplitude counted another number of events than were sent."""

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            *(
                getattr(self, field.name) + getattr(other, field.name)
                for field in dataclasses.fields(self)
            )
        )


class Clock:
    """The time, and waiting: a seam for tests."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait until the condition is notified, at most so long."""
        condition.wait(seconds)
