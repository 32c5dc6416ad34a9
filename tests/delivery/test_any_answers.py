"""Whatever Amplitude answers: nothing is lost, settled twice, or blocked for ever."""

from __future__ import annotations

import math
import random
import typing as t

from hypothesis import given, settings
from hypothesis import strategies as st

from target_amplitude_nami.amplitude.answers import (
    Answer,
    Delivered,
    Fatal,
    Refused,
    RefusedUnattributed,
    Throttle,
    Throttled,
    TooLarge,
    Unknown,
)
from target_amplitude_nami.delivery.packing import RequestLimits
from target_amplitude_nami.errors import DeliveryError
from tests.support.delivery import (
    BAD,
    AnswerScript,
    DeliveryHarness,
    SingleLane,
    assert_in_order_per_user,
    numbered,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent

USERS = 5

Dice: t.TypeAlias = random.Random


def some_indexes(dice: Dice, numbers: Sequence[int]) -> frozenset[int]:
    """Some places of a request, and at times one that it does not have."""
    chosen = dice.sample(range(len(numbers)), dice.randint(0, len(numbers)))
    return frozenset([*chosen, *dice.choices([0, 1, 500], k=dice.randint(0, 1))])


def some_names(dice: Dice, kind: str) -> frozenset[str]:
    names = [f"{kind}-{n}" for n in range(USERS + 1)]
    return frozenset(dice.sample(names, dice.choice([0, 0, 1, 2])))


def throttle(dice: Dice, numbers: Sequence[int]) -> Throttle:
    return Throttle(
        seconds=dice.choice([0, 30, 60, 3600]),
        indexes=some_indexes(dice, numbers),
        users=some_names(dice, "user"),
        devices=some_names(dice, "device"),
        quota_users=some_names(dice, "user") if dice.random() < 0.2 else frozenset(),
        quota_devices=some_names(dice, "device"),
    )


def refused(dice: Dice, numbers: Sequence[int]) -> Refused:
    return Refused(
        dict.fromkeys(some_indexes(dice, numbers), BAD),
        dict.fromkeys(some_names(dice, "device"), BAD),
        throttle(dice, numbers) if dice.random() < 0.3 else None,
        "HTTP 400",
    )


KINDS: dict[str, Callable[[Dice, Sequence[int]], Answer]] = {
    "delivered": lambda _, numbers: Delivered(len(numbers)),
    "miscounted": lambda dice, _: Delivered(dice.choice([None, 0, 5])),
    "refused": refused,
    "refused unattributed": lambda *_: RefusedUnattributed(403, "HTTP 403"),
    "too large": lambda *_: TooLarge("HTTP 413"),
    "throttled": lambda d, numbers: Throttled(throttle(d, numbers), "HTTP 429"),
    "project throttled": lambda *_: Throttled(Throttle(60), "HTTP 429"),
    "unknown": lambda dice, _: Unknown("HTTP 503", dice.choice([0, 7, 3600])),
    "fatal": lambda *_: Fatal("no"),
}
HARMLESS = sorted(KINDS.keys() - {"fatal"})


def script(kinds: Sequence[str], seed: int, then: str) -> AnswerScript:
    """Answers of these kinds, and from then on always of one kind."""
    dice = random.Random(seed)  # noqa: S311
    rest = iter(kinds)
    return lambda numbers: KINDS[next(rest, then)](dice, numbers)


def events(count: int) -> list[EncodedEvent]:
    return [
        numbered(n, f"user-{n % USERS}", device_id=f"device-{n % 3}")
        for n in range(count)
    ]


some_kinds = st.lists(st.sampled_from(HARMLESS), min_size=5, max_size=40)
some_seed = st.integers(0, 2**32)


@given(some_kinds, some_seed, st.integers(0, 60))
@settings(max_examples=400, deadline=None)
def test_when_the_trouble_ends_all_is_settled_once(
    kinds: list[str], seed: int, count: int
) -> None:
    lane = SingleLane(script(kinds, seed, "delivered"), retry_for=10**9)
    try:
        lane.deliver(events(count))
    except DeliveryError as error:
        assert "refuses every event alike" in str(error)  # noqa: PT017
    else:
        assert lane.outcomes.settled == set(range(count))
    assert_in_order_per_user(lane.outcomes.accepted, USERS)


@given(some_kinds, some_seed, st.sampled_from(sorted(KINDS)), st.integers(0, 60))
@settings(max_examples=400, deadline=None)
def test_answers_that_stay_bad_end_the_run_or_settle_everything(
    kinds: list[str], seed: int, then: str, count: int
) -> None:
    lane = SingleLane(script(kinds, seed, then), retry_for=1800)
    try:
        lane.deliver(events(count))
    except DeliveryError:
        assert lane.outcomes.settled < set(range(count))
    else:
        assert lane.outcomes.settled == set(range(count))
    assert_in_order_per_user(lane.outcomes.accepted, USERS)


@given(some_kinds, some_seed, st.sampled_from([1, 3, 8]), st.integers(0, 60))
@settings(max_examples=150, deadline=None)
def test_many_lanes_settle_each_event_once_or_the_run_ends(
    kinds: list[str], seed: int, lanes: int, count: int
) -> None:
    answer = script(kinds, seed, "delivered")
    limits = RequestLimits(7, 900_000)
    with DeliveryHarness(
        answer, lanes=lanes, limits=limits, retry_for=10**9
    ) as harness:
        try:
            harness.deliver(events(count))
        except DeliveryError as error:
            assert "refuses every event alike" in str(error)  # noqa: PT017
        else:
            assert harness.outcomes.settled == set(range(count))
        assert_in_order_per_user(harness.outcomes.accepted, USERS)


@given(
    st.integers(1, 300),
    st.sets(st.integers(0, 299)),
    st.sets(st.integers(0, 299)),
    st.sets(st.integers(0, 299)),
    st.sampled_from([1, 2, 300]),
)
@settings(max_examples=200, deadline=None)
def test_no_good_event_is_sent_more_often_than_needed(
    count: int, named: set[int], silent: set[int], large: set[int], most_named: int
) -> None:
    def answer(numbers: Sequence[int]) -> Answer:
        if large & set(numbers):
            return TooLarge("HTTP 413")
        if silent & set(numbers):
            return RefusedUnattributed(403, "HTTP 403")
        bad = [index for index, number in enumerate(numbers) if number in named]
        if bad:
            return Refused(dict.fromkeys(bad[:most_named], BAD), {})
        return Delivered(len(numbers))

    lane = SingleLane(answer)
    try:
        lane.deliver([numbered(n, f"user-{n}") for n in range(count)])
    except DeliveryError:
        assert len(silent | large) >= min(count, 10)
    else:
        assert lane.outcomes.refused.keys() == (named | silent | large) & set(
            range(count)
        )
        assert lane.outcomes.settled == set(range(count))
    most = math.ceil(math.log2(count)) + 2
    assert max(lane.sender.times_sent.values()) <= most
