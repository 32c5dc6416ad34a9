"""Counts of requests, for the report."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(slots=True)
class Traffic:
    """The requests and bytes that were sent."""

    requests: int = 0
    retries: int = 0
    """Requests that sent the same bytes again because the outcome was unknown."""
    throttled: int = 0
    """Answers that asked for some or all events to wait."""
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
