"""Events refused alone, and what they are taken for."""

from __future__ import annotations

import pytest

from target_amplitude_nami.delivery.split_plan import SplitPlan
from target_amplitude_nami.delivery.suspects import (
    SUSPECTS_THAT_MEAN_CONFIGURATION as MANY,
)
from target_amplitude_nami.delivery.suspects import Suspects
from target_amplitude_nami.errors import DeliveryError
from target_amplitude_nami.outcomes import Refusal
from tests.support.delivery import number_of, of_many_users

REFUSAL = Refusal("amplitude_refused", "", "HTTP 403", 403)


def suspects_of(count: int, plan: SplitPlan | None = None) -> Suspects:
    """Return suspects with so many events of a batch."""
    suspects = Suspects()
    suspects.begin_batch()
    for event in of_many_users(count):
        suspects.add(event, REFUSAL, plan or SplitPlan([]))
    return suspects


def test_one_event_alone_is_at_fault_itself() -> None:
    ((event, refusal),) = suspects_of(1).judge()
    assert (number_of(event), refusal) == (0, REFUSAL)


def test_several_at_first_mean_a_setting() -> None:
    with pytest.raises(DeliveryError, match=r"every event alike \(HTTP 403\)"):
        suspects_of(2).judge()


def test_a_batch_that_is_understood_has_bad_events() -> None:
    suspects = suspects_of(2)
    suspects.note_understood()
    assert len(suspects.judge()) == 2


def test_many_in_one_batch_are_compared_with_others_of_it() -> None:
    events = of_many_users(1000)
    plan = SplitPlan(events[MANY:])
    suspects = suspects_of(MANY, plan)
    probes = [plan.take() for _ in range(MANY)]
    assert [len(probe) for probe in probes] == [1] * MANY
    assert number_of(probes[-1][0]) > 800
    for (event,) in probes[:-1]:
        suspects.add(event, REFUSAL, plan)
    with pytest.raises(DeliveryError, match="every event alike"):
        suspects.add(probes[-1][0], REFUSAL, plan)


def test_a_delivered_event_clears_those_of_earlier_batches() -> None:
    suspects = Suspects()
    for event in of_many_users(3 * MANY):
        suspects.begin_batch()
        suspects.add(event, REFUSAL, SplitPlan([]))
        assert len(suspects.judge()) == 1
        if number_of(event) % (MANY - 1) == 0:
            suspects.note_delivered()
