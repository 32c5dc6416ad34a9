"""Refused events, named or not: what is saved of their batch, and at what cost."""

from __future__ import annotations

import math
import random
import typing as t

import pytest

from target_amplitude_nami.amplitude.answers import (
    Answer,
    Delivered,
    Refused,
    RefusedUnattributed,
    TooLarge,
)
from target_amplitude_nami.delivery.suspects import SUSPECTS_THAT_MEAN_CONFIGURATION
from target_amplitude_nami.errors import DeliveryError
from tests.support.delivery import (
    BAD,
    AnswerScript,
    SingleLane,
    numbered,
    of_many_users,
)

if t.TYPE_CHECKING:
    from collections.abc import Collection, Sequence

FORBIDDEN = RefusedUnattributed(403, "HTTP 403: Forbidden")
LARGE = TooLarge("HTTP 413: Payload too large")


def refuses_first(bad: Collection[int]) -> AnswerScript:
    """Amplitude's HTTP V2: a 400 names only the first bad event."""

    def answer(numbers: Sequence[int]) -> Answer:
        for index, number in enumerate(numbers):
            if number in bad:
                return Refused({index: BAD}, {})
        return Delivered(len(numbers))

    return answer


def refuses_all(bad: Collection[int]) -> AnswerScript:
    """Amplitude's Batch API: a 400 names every bad event."""

    def answer(numbers: Sequence[int]) -> Answer:
        named = {index: BAD for index, number in enumerate(numbers) if number in bad}
        return Refused(named, {}) if named else Delivered(len(numbers))

    return answer


def refuses_without_names(
    bad: Collection[int], how: Answer = FORBIDDEN
) -> AnswerScript:
    """A firewall, or a 400 without indexes: it does not name the event at fault."""

    def answer(numbers: Sequence[int]) -> Answer:
        return how if any(n in bad for n in numbers) else Delivered(len(numbers))

    return answer


def takes_at_most(count: int) -> AnswerScript:
    def answer(numbers: Sequence[int]) -> Answer:
        return LARGE if len(numbers) > count else Delivered(len(numbers))

    return answer


def assert_all_but(lane: SingleLane, bad: Collection[int], count: int) -> None:
    assert lane.outcomes.refused.keys() == set(bad)
    assert sorted(lane.outcomes.accepted) == [n for n in range(count) if n not in bad]


# Refused events never harm their neighbours


@pytest.mark.parametrize("make", [refuses_first, refuses_all, refuses_without_names])
@pytest.mark.parametrize(
    ("count", "bad"),
    [
        (1, [0]),
        (2, [0]),
        (2, [1]),
        (3, [1]),
        (10, [0, 9]),
        (100, range(0, 100, 3)),
        (1000, range(400, 425)),
        (2000, [0]),
        (2000, [1999]),
        (2000, range(0, 2000, 100)),
        (2000, range(0, 2000, 7)),
        (2000, random.Random(7).sample(range(2000), 200)),  # noqa: S311
    ],
)
def test_a_refused_event_never_harms_its_neighbours(
    make: t.Callable[[Collection[int]], AnswerScript], count: int, bad: Collection[int]
) -> None:
    lane = SingleLane(make(frozenset(bad)))
    lane.deliver(of_many_users(count))
    assert_all_but(lane, bad, count)
    most = math.log2(count) + 2
    assert max(lane.sender.times_sent.values()) <= most
    assert lane.pauses == []


@pytest.mark.parametrize("at", ["front", "end"])
def test_bad_events_that_stand_side_by_side_are_no_configuration_error(at: str) -> None:
    bad = range(40) if at == "front" else range(1960, 2000)
    lane = SingleLane(refuses_without_names(bad))
    lane.deliver(of_many_users(2000))
    assert_all_but(lane, bad, 2000)


def test_events_that_amplitude_names_all_at_once_cost_one_more_request() -> None:
    lane = SingleLane(refuses_all(range(0, 2000, 2)))
    lane.deliver(of_many_users(2000))
    assert len(lane.sender.requests) == 2


def test_one_event_that_amplitude_names_costs_one_more_request() -> None:
    lane = SingleLane(refuses_first([5]))
    lane.deliver(of_many_users(2000))
    assert len(lane.sender.requests) == 2
    assert lane.outcomes.refused == {5: BAD}


def test_what_amplitude_says_of_an_event_stands_in_its_refusal() -> None:
    lane = SingleLane(
        refuses_without_names([1], RefusedUnattributed(400, "HTTP 400: no"))
    )
    lane.deliver(of_many_users(3))
    (refusal,) = lane.outcomes.refused.values()
    assert refusal.reason == "amplitude_refused"
    assert (refusal.detail, refusal.status) == ("HTTP 400: no", 400)


@pytest.mark.parametrize("most", [1, 2, 7, 500, 1999])
def test_a_request_that_is_too_large_goes_in_halves(most: int) -> None:
    lane = SingleLane(takes_at_most(most))
    lane.deliver(of_many_users(2000))
    assert lane.outcomes.accepted == list(range(2000))
    assert max(lane.sender.times_sent.values()) <= math.log2(2000) + 2


def test_an_event_that_is_too_large_alone_is_rejected() -> None:
    lane = SingleLane(refuses_without_names([3], LARGE))
    lane.deliver(of_many_users(10))
    assert_all_but(lane, [3], 10)
    refusal = lane.outcomes.refused[3]
    assert (refusal.reason, refusal.status) == ("amplitude_too_large", 413)


def test_the_events_of_a_silenced_device_are_rejected() -> None:
    lane = SingleLane([Refused({}, {"d1": BAD})])
    devices = [None, "d1", "d2", "d1"]
    lane.deliver([numbered(n, device_id=d) for n, d in enumerate(devices)])
    assert_all_but(lane, [1, 3], 4)


def test_an_answer_that_identity_only_others_counts_as_one_that_names_nobody() -> None:
    lane = SingleLane(
        lambda _: Refused({}, {"another device": BAD}, message="HTTP 400")
    )
    with pytest.raises(DeliveryError, match="refuses every event alike"):
        lane.deliver(of_many_users(5))
    assert lane.outcomes.settled == set()


def test_several_kinds_of_refusals_in_one_batch_are_kept_apart() -> None:
    named, silent, large = {3, 50, 700}, {8, 9}, {400, 401}

    def answer(numbers: Sequence[int]) -> Answer:
        if large & set(numbers):
            return LARGE
        if silent & set(numbers):
            return FORBIDDEN
        return refuses_first(named)(numbers)

    lane = SingleLane(answer)
    lane.deliver(of_many_users(1000))
    assert_all_but(lane, named | silent | large, 1000)
    assert lane.outcomes.refused[401].reason == "amplitude_too_large"
    assert lane.outcomes.refused[8].reason == "amplitude_refused"
    assert max(lane.sender.times_sent.values()) <= math.ceil(math.log2(1000)) + 2


# Refused alike: configuration, not events


@pytest.mark.parametrize("answer", [FORBIDDEN, LARGE, RefusedUnattributed(400, "no")])
@pytest.mark.parametrize("count", [2, 9, 10, 11, 25, 2000])
def test_when_every_event_is_refused_alike_the_run_ends_and_nothing_is_settled(
    answer: Answer, count: int
) -> None:
    lane = SingleLane(lambda _: answer)
    with pytest.raises(DeliveryError, match="refuses every event alike"):
        lane.deliver(of_many_users(count))
    assert lane.outcomes.settled == set()
    assert len(lane.sender.requests) < 60


def test_refusing_every_event_of_one_user_ends_the_run() -> None:
    lane = SingleLane(lambda _: FORBIDDEN)
    with pytest.raises(DeliveryError):
        lane.deliver([numbered(n) for n in range(2000)])
    assert lane.outcomes.settled == set()


def test_one_event_alone_that_is_refused_is_a_bad_event() -> None:
    lane = SingleLane([FORBIDDEN])
    lane.deliver(of_many_users(1))
    assert lane.outcomes.refused.keys() == {0}


def test_many_events_refused_alone_one_after_another_end_the_run() -> None:
    lane = SingleLane(lambda _: FORBIDDEN)
    events = iter(of_many_users(50))
    for event in (next(events) for _ in range(SUSPECTS_THAT_MEAN_CONFIGURATION - 1)):
        lane.deliver([event])
    with pytest.raises(DeliveryError):
        lane.deliver([next(events)])
    assert len(lane.outcomes.refused) == SUSPECTS_THAT_MEAN_CONFIGURATION - 1


def test_a_delivered_event_in_between_shows_that_the_configuration_is_right() -> None:
    lane = SingleLane(refuses_without_names(range(1, 60)))
    events = of_many_users(80)
    for event in events[1:9]:
        lane.deliver([event])
    lane.deliver([events[0]])
    lane.deliver(events[9:11])  # all of them bad
    for event in events[11:17]:
        lane.deliver([event])
    assert lane.outcomes.refused.keys() == set(range(1, 17))
