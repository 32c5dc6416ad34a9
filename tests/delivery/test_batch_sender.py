"""What becomes of a batch, whatever Amplitude answers."""

from __future__ import annotations

import math
import typing as t

import pytest

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
from target_amplitude_nami.delivery.protocols import Undelivered
from target_amplitude_nami.delivery.retry_policy import LONGEST_BACKOFF_SECONDS
from target_amplitude_nami.delivery.waits import Waits
from target_amplitude_nami.errors import DeliveryError
from tests.support.delivery import (
    BAD,
    AnswerScript,
    SingleLane,
    number_of,
    numbered,
    of_many_users,
    one_by_one,
)

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent

FORBIDDEN = RefusedUnattributed(403, "HTTP 403: Forbidden")
LARGE = TooLarge("HTTP 413: Payload too large")
BUSY = Unknown("HTTP 503: Busy")


def throttles_once(throttle: Throttle) -> AnswerScript:
    return one_by_one([Throttled(throttle, "HTTP 429: Slow down")])


# Delivered


def test_a_batch_that_is_taken_is_one_request() -> None:
    lane = SingleLane()
    lane.deliver(of_many_users(2000))
    assert len(lane.sender.requests) == 1
    assert lane.outcomes.accepted == list(range(2000))
    assert lane.batch_sender.traffic.requests == 1
    assert lane.batch_sender.traffic.body_bytes == len(lane.sender.bodies[0])


def test_an_empty_batch_is_no_request() -> None:
    lane = SingleLane()
    lane.deliver([])
    assert lane.sender.requests == []


@pytest.mark.parametrize(("ingested", "miscounted"), [(3, 0), (None, 0), (2, 1)])
def test_another_count_than_was_sent_is_noted(
    ingested: int | None, miscounted: int
) -> None:
    lane = SingleLane([Delivered(ingested)])
    lane.deliver(of_many_users(3))
    assert lane.outcomes.accepted == [0, 1, 2]
    assert lane.batch_sender.traffic.miscounted == miscounted
    assert len(lane.log) == miscounted


# Throttled


def test_only_the_named_users_and_devices_wait_and_in_order() -> None:
    throttle = Throttle(30, frozenset({0}), frozenset({"u1"}), frozenset({"d2"}))
    lane = SingleLane(throttles_once(throttle))
    events = [
        numbered(0, "u0"),
        numbered(1, "u1"),
        numbered(2, "u2", device_id="d2"),
        numbered(3, "u3"),
        numbered(4, "u1"),
        numbered(5, "u2"),  # behind its user, although its device is another
        numbered(6, "u0"),
    ]
    lane.batch_sender.deliver(events)
    assert lane.outcomes.accepted == [3]
    lane.batch_sender.deliver([numbered(7, "u1"), numbered(8, "u4")])
    assert lane.outcomes.accepted == [3, 8]
    deferred = lane.batch_sender.deferred
    assert deferred.seconds_until_due(lane.clock.now()) == 30
    assert deferred.take_due(lane.clock.now() + 29.9) == []
    due = [number_of(event) for event in deferred.take_due(lane.clock.now() + 30)]
    assert sorted(due) == [0, 1, 2, 4, 5, 6, 7]
    assert [n for n in due if n in {1, 4, 7}] == [1, 4, 7]
    assert [n for n in due if n in {0, 6}] == [0, 6]
    assert lane.batch_sender.traffic.throttled == 1


def test_a_throttled_user_goes_on_after_30_seconds() -> None:
    lane = SingleLane(throttles_once(Throttle(30, users=frozenset({"user-1"}))))
    before = lane.clock.now()
    lane.deliver(of_many_users(3))
    assert lane.sender.requests == [[0, 1, 2], [0, 2], [1]]
    assert lane.clock.now() == before + 30


def test_a_throttled_project_waits_60_seconds_as_a_whole() -> None:
    lane = SingleLane(throttles_once(Throttle(60)))
    lane.deliver(of_many_users(3))
    assert lane.sender.requests == [[0, 1, 2], [0, 1, 2]]
    assert lane.pauses == [60]


def test_a_throttle_of_others_makes_the_request_wait_as_a_whole() -> None:
    lane = SingleLane(throttles_once(Throttle(30, users=frozenset({"somebody"}))))
    lane.deliver(of_many_users(2))
    assert lane.sender.requests == [[0, 1], [0, 1]]
    assert lane.pauses == [30]


def test_users_over_their_daily_quota_are_rejected_and_the_others_go_at_once() -> None:
    throttle = Throttle(
        30, quota_users=frozenset({"user-1"}), quota_devices=frozenset({"d3"})
    )
    lane = SingleLane(throttles_once(throttle))
    lane.deliver([*of_many_users(3), numbered(3, device_id="d3"), numbered(4)])
    assert lane.outcomes.accepted == [0, 2, 4]
    assert lane.pauses == []
    reasons = {refusal.reason for refusal in lane.outcomes.refused.values()}
    assert lane.outcomes.refused.keys() == {1, 3}
    assert reasons == {"amplitude_daily_quota"}


def test_a_400_may_refuse_some_and_make_others_wait() -> None:
    answer = Refused(
        {0: BAD, 2: BAD}, {}, Throttle(30, frozenset({1, 3})), "HTTP 400: both"
    )
    lane = SingleLane([answer])
    lane.deliver(of_many_users(6))
    assert lane.outcomes.refused.keys() == {0, 2}
    assert lane.sender.requests == [list(range(6)), [4, 5], [1, 3]]


def test_a_400_that_throttles_only_events_it_refuses_makes_nobody_wait() -> None:
    throttle = Throttle(30, devices=frozenset({"d0"}))
    lane = SingleLane([Refused({0: BAD}, {}, throttle)])
    lane.deliver([numbered(0, device_id="d0"), numbered(1)])
    assert lane.outcomes.accepted == [1]
    assert lane.pauses == []


def test_throttles_one_at_a_time_do_not_send_the_others_again_and_again() -> None:
    throttled = {f"user-{n}" for n in range(0, 1000, 4)}

    def answer(numbers: Sequence[int]) -> Answer:
        for number in numbers:
            if (user := f"user-{number}") in throttled:
                throttled.remove(user)
                return Throttled(Throttle(30, users=frozenset({user})), "HTTP 429")
        return Delivered(len(numbers))

    lane = SingleLane(answer)
    lane.batch_sender.deliver(of_many_users(1000))
    assert max(lane.sender.times_sent.values()) <= math.log2(1000) + 2


@pytest.mark.parametrize(
    "answer",
    [
        Throttled(Throttle(30, users=frozenset({"user-0"})), "HTTP 429: slow down"),
        Throttled(Throttle(60), "HTTP 429: slow down"),
        Refused({}, {}, Throttle(30, frozenset({0})), "HTTP 429: slow down"),
        Refused({}, {}, Throttle(30, users=frozenset({"x"})), "HTTP 429: slow down"),
    ],
)
def test_a_throttle_without_end_ends_the_run_after_retry_for(answer: Answer) -> None:
    lane = SingleLane(lambda _: answer, retry_for=600)
    before = lane.clock.now()
    with pytest.raises(DeliveryError, match=r"`retry_for`.*HTTP 429: slow down"):
        lane.deliver(of_many_users(1))
    assert 600 <= lane.clock.now() - before <= 660
    assert lane.outcomes.settled == set()


# Unknown outcomes


def test_the_same_bytes_go_again_after_growing_waits() -> None:
    lane = SingleLane([BUSY] * 30)
    lane.deliver(of_many_users(5))
    assert len(set(lane.sender.bodies)) == 1
    assert lane.outcomes.accepted == [0, 1, 2, 3, 4]
    assert lane.batch_sender.traffic.requests == 31
    assert lane.batch_sender.traffic.retries == 30
    assert len(lane.pauses) == 30
    for number, pause in enumerate(lane.pauses):
        assert 0 <= pause <= min(2**number, LONGEST_BACKOFF_SECONDS)
    assert max(lane.pauses) > 10


def test_the_other_side_may_ask_for_a_longer_wait() -> None:
    lane = SingleLane([Unknown("HTTP 503: Busy", 120)])
    lane.deliver(of_many_users(1))
    assert lane.pauses == [120]


def test_a_wait_may_have_a_limit() -> None:
    lane = SingleLane([Unknown("no such name", longest_wait=5)] * 20)
    lane.deliver(of_many_users(1))
    assert lane.outcomes.accepted == [0]
    assert max(lane.pauses) == 5


def test_after_retry_for_the_run_ends_and_nothing_is_settled() -> None:
    lane = SingleLane(lambda _: BUSY, retry_for=300)
    before = lane.clock.now()
    with pytest.raises(DeliveryError, match=r"HTTP 503: Busy.*Nothing is lost"):
        lane.deliver(of_many_users(3))
    assert lane.clock.now() - before == pytest.approx(300)
    assert lane.outcomes.settled == set()


def test_a_wait_that_is_asked_for_is_no_longer_than_retry_for() -> None:
    lane = SingleLane(lambda _: Unknown("HTTP 503: Busy", 3600), retry_for=100)
    with pytest.raises(DeliveryError):
        lane.deliver(of_many_users(1))
    assert lane.pauses == [100]
    assert len(lane.sender.requests) == 2


@pytest.mark.parametrize(
    "recovery",
    [
        Delivered(2),
        Refused({0: BAD}, {}),
        FORBIDDEN,
        Throttled(Throttle(30, quota_users=frozenset({"user-0", "user-1"})), "429"),
    ],
)
def test_the_time_of_an_earlier_trouble_does_not_count(recovery: Answer) -> None:
    throttled = Throttled(Throttle(60), "HTTP 429")
    lane = SingleLane([throttled, recovery, Delivered(1), Delivered(1)], retry_for=100)
    lane.deliver(of_many_users(2))
    lane.clock.pause(1000)
    lane.sender.answer_next(BUSY)
    lane.deliver([numbered(9, "another")])
    assert 9 in lane.outcomes.accepted


# Fatal


def test_a_fatal_answer_ends_the_run_at_once() -> None:
    lane = SingleLane([Fatal("Amplitude does not know the API key")])
    with pytest.raises(DeliveryError, match=r"^Amplitude does not know the API key$"):
        lane.deliver(of_many_users(5))
    assert len(lane.sender.requests) == 1
    assert lane.outcomes.settled == set()
    assert lane.pauses == []


def test_a_fatal_answer_leaves_what_is_settled_settled() -> None:
    lane = SingleLane([LARGE, Delivered(2), Fatal("no")])
    with pytest.raises(DeliveryError):
        lane.deliver(of_many_users(4))
    assert lane.outcomes.settled == {0, 1}


# Rate limits


def test_a_run_keeps_its_pace() -> None:
    lane = SingleLane(max_events_per_second=10)
    for start in range(0, 60, 20):
        lane.deliver([numbered(n, f"u{n}") for n in range(start, start + 20)])
    assert lane.pauses == [2, 2]


def test_one_user_with_many_events_goes_in_allowed_pieces_and_in_order() -> None:
    lane = SingleLane(per_id_per_second=30)
    before = lane.clock.now()
    lane.deliver([numbered(n) for n in range(2000)])
    assert lane.outcomes.accepted == list(range(2000))
    assert [len(request) for request in lane.sender.requests] == [300] * 6 + [200]
    assert lane.clock.now() == before + 60


def test_one_crowded_user_does_not_keep_the_others() -> None:
    lane = SingleLane(per_id_per_second=30)
    events = [numbered(n, "crowd" if n % 2 else f"u{n}") for n in range(1000)]
    lane.batch_sender.deliver(events)
    crowd = [n for n in lane.outcomes.accepted if n % 2]
    assert crowd == list(range(1, 600, 2))
    assert len(lane.outcomes.accepted) == 800


@pytest.mark.parametrize(
    ("seconds", "most_questions", "latest"), [(0.04, 2, 0.05), (30, 40, 31)]
)
def test_who_waits_for_another_event_asks_ever_more_seldom(
    seconds: float, most_questions: int, latest: float
) -> None:
    lane = SingleLane()
    begin = lane.clock.now()
    questions = 0

    def drop_delivered(events: Sequence[EncodedEvent]) -> Undelivered:
        nonlocal questions
        questions += 1
        if lane.clock.now() < begin + seconds:
            return Undelivered((), events)
        return Undelivered(events)

    lane.outcomes.drop_delivered = drop_delivered  # type: ignore[method-assign]
    lane.deliver([numbered(n) for n in range(3)])
    assert lane.outcomes.accepted == [0, 1, 2]
    assert questions <= most_questions
    assert lane.clock.now() <= begin + latest


def test_who_has_waited_long_for_an_event_keeps_no_newcomer() -> None:
    """Both wait for others of their ids, and each asks at moments of its own."""
    lane = SingleLane()
    begin = lane.clock.now()
    until = {"old": begin + 20, "new": begin + 10.1}
    moments = []

    def drop_delivered(events: Sequence[EncodedEvent]) -> Undelivered:
        now = lane.clock.now()
        fresh = [event for event in events if until[event.user_key] <= now]
        moments.extend([now - begin for event in fresh])
        return Undelivered(fresh, [event for event in events if event not in fresh])

    lane.outcomes.drop_delivered = drop_delivered  # type: ignore[method-assign]
    lane.batch_sender.deliver([numbered(0, "old")])
    lane.clock.time = begin + 10
    lane.deliver([numbered(1, "new")])
    assert moments == [pytest.approx(10.1, abs=0.1), pytest.approx(20, abs=1)]


def test_the_connection_is_closed_with_the_batch_sender() -> None:
    lane = SingleLane()
    lane.batch_sender.close()
    assert lane.sender.is_closed


# What it waits for


def test_a_retry_is_what_the_sender_waits_for() -> None:
    lane = SingleLane([BUSY])
    lane.deliver([numbered(1)])
    [waits] = lane.waits
    assert waits.failure == "HTTP 503: Busy"
    assert waits.retry_seconds == pytest.approx(lane.pauses[0])
    assert lane.batch_sender.waits == Waits()


def test_the_pace_of_the_run_is_what_the_sender_waits_for() -> None:
    lane = SingleLane(max_events_per_second=1)
    lane.deliver([numbered(1)])
    lane.deliver([numbered(2)])
    assert [waits.is_paced for waits in lane.waits] == [True]


def test_an_answer_is_what_the_sender_waits_for() -> None:
    lane = SingleLane()
    seen: list[Waits] = []
    lane.sender.on_post = lambda: seen.append(lane.batch_sender.waits)
    lane.deliver([numbered(1)])
    assert seen == [Waits(requests=1)]


def test_users_who_have_to_wait_are_counted_with_the_time_of_the_first() -> None:
    throttle = Throttle(30.0, users=frozenset({"user-0", "user-1"}))
    lane = SingleLane(throttles_once(throttle))
    lane.batch_sender.deliver([*of_many_users(3), numbered(3, "user-1")])
    assert lane.batch_sender.waits == Waits(deferred_users=2, deferred_seconds=30.0)


@pytest.mark.parametrize(
    ("users", "words"), [(1, "1 user waits 30 s"), (2_000, "2,000 users wait 30 s")]
)
def test_the_log_counts_users_in_good_grammar(users: int, words: str) -> None:
    named = frozenset(f"user-{n}" for n in range(users))
    lane = SingleLane(throttles_once(Throttle(30.0, users=named)))
    lane.deliver(of_many_users(2_000))
    assert lane.log == [f"HTTP 429: Slow down; {words}"]
