"""An outcome is recorded first, then the place of its event given up."""

from __future__ import annotations

import typing as t

import pytest

from target_amplitude_nami.delivery.errors import Stopped
from target_amplitude_nami.delivery.event_settler import EventSettler
from target_amplitude_nami.delivery.protocols import Undelivered
from tests.support.delivery import BAD, NotedOutcomes, number_of, of_many_users

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Refusal


class Steps(NotedOutcomes):
    """Outcomes that know some events as delivered, and the order of all steps."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[str, list[int]]] = []
        self.settler = EventSettler(self, lambda events: self.note("release", events))

    def note(self, step: str, events: Sequence[EncodedEvent]) -> None:
        self.steps.append((step, [number_of(event) for event in events]))

    def drop_delivered(self, events: Sequence[EncodedEvent]) -> Undelivered:
        self.note("drop", events)
        return Undelivered(events[1:2], events[2:])

    def delivered(self, events: Sequence[EncodedEvent]) -> None:
        self.note("delivered", events)

    def rejected(self, event: EncodedEvent, refusal: Refusal) -> None:
        assert refusal is BAD
        self.note("rejected", [event])


EVENTS = of_many_users(4)


@pytest.mark.parametrize(
    ("act", "steps"),
    [
        (
            lambda s: s.drop_delivered(EVENTS),
            [("drop", [0, 1, 2, 3]), ("release", [0])],
        ),
        (
            lambda s: s.delivered(EVENTS[:2]),
            [("delivered", [0, 1]), ("release", [0, 1])],
        ),
        (
            lambda s: s.rejected(EVENTS[3], BAD),
            [("rejected", [3]), ("release", [3])],
        ),
    ],
    ids=["drop", "delivered", "rejected"],
)
def test_an_outcome_comes_before_the_release_and_nothing_after_the_end(
    act: Callable[[EventSettler], object], steps: list[tuple[str, list[int]]]
) -> None:
    outcomes = Steps()
    act(outcomes.settler)
    assert outcomes.steps == steps
    outcomes.settler.close()
    with pytest.raises(Stopped):
        act(outcomes.settler)
    assert outcomes.steps == steps


def test_what_is_left_to_send_and_to_wait_is_passed_on() -> None:
    undelivered = Steps().settler.drop_delivered(EVENTS)
    assert undelivered == (EVENTS[1:2], EVENTS[2:])
