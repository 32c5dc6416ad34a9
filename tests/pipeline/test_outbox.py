"""When events go to delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.outcomes import Checkpoint, Origin, SentEvent
from target_amplitude_nami.pipeline.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.outcomes import Project


def event(name: str, memory_bytes: int = 1_000) -> EncodedEvent:
    sent = SentEvent("device.impression", None, b"", name, None, "user")
    origin = Origin("device.impression", "events", b"")
    checkpoint = Checkpoint()
    return EncodedEvent(
        name.encode(), "user", None, "user", sent, origin, checkpoint, memory_bytes
    )


class Delivery:
    """Notes what it is given."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Project, list[bytes]]] = []
        self.times: list[int] = []
        self.outbox = Outbox(self.submit, self.times.append)

    def submit(self, project: Project, events: Sequence[EncodedEvent]) -> None:
        self.submitted.append((project, [event.body for event in events]))


def test_events_are_submitted_together_each_projects_in_order() -> None:
    delivery = Delivery()
    for name in "abc":
        delivery.outbox.add(event(name), "sandbox" if name == "b" else "main", None)
    assert delivery.submitted == []

    delivery.outbox.submit()
    delivery.outbox.submit()

    assert delivery.submitted == [("main", [b"a", b"c"]), ("sandbox", [b"b"])]


def test_a_large_event_leaves_at_once_with_those_before_it() -> None:
    delivery = Delivery()
    delivery.outbox.add(event("small"), "main", None)
    delivery.outbox.add(event("large", 70_000), "main", None)

    assert delivery.submitted == [("main", [b"small", b"large"])]


def test_the_time_of_the_oldest_event_is_noted() -> None:
    delivery = Delivery()
    for name, time in (("a", 5), ("b", 3), ("c", None), ("d", 4)):
        delivery.outbox.add(event(name), "main", time)
    delivery.outbox.submit()
    delivery.outbox.submit()

    assert delivery.times == [3]
