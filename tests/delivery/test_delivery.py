"""Lanes, batches and back-pressure, with real threads on a clock that is pushed."""

from __future__ import annotations

import itertools
import threading
import typing as t
import weakref
import zlib
from queue import SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_amplitude_nami.amplitude.answers import (
    Answer,
    Delivered,
    Fatal,
    Refused,
    Throttle,
    Throttled,
    TooLarge,
    Unknown,
)
from target_amplitude_nami.delivery import delivery as delivery_module
from target_amplitude_nami.delivery.delivery import Delivery
from target_amplitude_nami.delivery.lane import Lane
from target_amplitude_nami.delivery.packing import RequestLimits
from target_amplitude_nami.errors import DeliveryError
from target_amplitude_nami.outcomes import Checkpoint
from tests.support.delivery import (
    BAD,
    AnswerScript,
    DeliveryHarness,
    NotedOutcomes,
    ScriptedSender,
    assert_in_order_per_user,
    delivery_options,
    number_of,
    numbered,
    of_many_users,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent

SECONDS = 20
SMALL = RequestLimits(10, 900_000)


def in_turn(count: int, users: int) -> list[EncodedEvent]:
    """Events of so many users, one after the other."""
    return [numbered(n, f"user-{n % users}") for n in range(count)]


def none_for_the_first(numbers: Sequence[int]) -> Answer:
    """Give no answer to the request with event 0, and take all others."""
    return Unknown("HTTP 503") if 0 in numbers else Delivered(len(numbers))


def alive_lanes() -> list[Lane]:
    return [thread for thread in threading.enumerate() if isinstance(thread, Lane)]


@pytest.fixture(autouse=True)
def _no_lane_is_left_behind() -> Iterator[None]:
    yield
    for lane in alive_lanes():
        lane.join(SECONDS)
    assert alive_lanes() == []


# Batches


@pytest.mark.parametrize("lanes", [1, 8])
def test_a_small_input_is_one_request(lanes: int) -> None:
    with DeliveryHarness(lanes=lanes) as harness:
        harness.deliver(of_many_users(500))
        assert harness.amplitude.requests == [list(range(500))]


def test_requests_are_filled_by_count() -> None:
    with DeliveryHarness(limits=SMALL) as harness:
        harness.deliver(of_many_users(25))
        assert [len(request) for request in harness.amplitude.requests] == [10, 10, 5]


def test_requests_are_filled_by_bytes_with_the_commas_between() -> None:
    events = [numbered(n, body=b"%d " % n + b"x" * 97) for n in range(5)]
    with DeliveryHarness(limits=RequestLimits(10, 200)) as harness:
        harness.deliver(events)
        assert [len(request) for request in harness.amplitude.requests] == [2, 2, 1]


def test_a_part_of_a_request_waits_for_more_and_then_leaves() -> None:
    posts = SimpleQueue[list[int]]()

    def answer(numbers: Sequence[int]) -> Answer:
        posts.put(list(numbers))
        return Delivered(len(numbers))

    with DeliveryHarness(answer, batch_wait_seconds=5) as harness:
        harness.submit(of_many_users(3))
        harness.clock.time += 4.9
        harness.delivery.tick()
        assert posts.empty()
        harness.clock.time += 0.1
        harness.delivery.tick()
        assert posts.get(timeout=SECONDS) == [0, 1, 2]


def test_nothing_to_deliver_is_soon_done() -> None:
    with DeliveryHarness(lanes=4) as harness:
        harness.delivery.tick()
        assert harness.delivery.flush()
        assert harness.amplitude.requests == []
    assert harness.delivery.traffic.requests == 0


def test_the_pace_of_the_run_is_that_of_its_requests_too() -> None:
    with DeliveryHarness(max_events_per_second=10) as harness:
        before = harness.clock.now()
        harness.deliver(of_many_users(35))
        assert [len(request) for request in harness.amplitude.requests] == [
            10,
            10,
            10,
            5,
        ]
        assert harness.clock.now() - before == pytest.approx(3, abs=0.2)


def test_one_user_with_very_many_events_goes_in_allowed_pieces_and_in_order() -> None:
    with DeliveryHarness(lanes=4, per_id_per_second=30) as harness:
        before = harness.clock.now()
        harness.deliver([numbered(n) for n in range(2500)])
        assert harness.outcomes.accepted == list(range(2500))
        assert max(len(request) for request in harness.amplitude.requests) == 300
        assert harness.clock.now() - before == pytest.approx(80, abs=0.5)


# Lanes


def test_one_lane_does_while_it_keeps_up() -> None:
    lanes: set[str] = set()

    def answer(numbers: Sequence[int]) -> Answer:
        lanes.add(threading.current_thread().name)
        return Delivered(len(numbers))

    with DeliveryHarness(answer, lanes=8, limits=SMALL) as harness:
        events = in_turn(2000, 50)
        for start in range(0, len(events), 20):
            harness.submit(events[start : start + 20])
            harness.wait_until_lanes_are_free()
        harness.deliver([])
    assert lanes == {"lane-0"}


def test_what_the_first_lane_is_about_to_send_stays_one_request() -> None:
    with DeliveryHarness(
        lanes=8, seconds_left=itertools.repeat(60).__next__
    ) as harness:
        harness.deliver(of_many_users(50))
        assert harness.amplitude.requests == [list(range(50))]


def test_what_has_waited_long_enough_leaves_though_the_first_lane_waits() -> None:
    with waiting_for_its_first_answer() as harness:
        harness.submit(of_many_users(15)[10:])
        harness.clock.time += 5
        harness.delivery.tick()
        harness.wait_until_settled(n for n in range(10, 15) if lane_of(f"user-{n}", 2))


@pytest.mark.parametrize(
    ("seconds", "batch_wait_seconds", "lanes"),
    [(0.9, 5, 1), (1.0, 5, 2), (0.4, 0.5, 1), (0.6, 0.5, 2)],
)
def test_a_full_request_waits_a_second_at_most_for_the_first_lane(
    seconds: float, batch_wait_seconds: float, lanes: int
) -> None:
    with waiting_for_its_first_answer(batch_wait_seconds) as harness:
        harness.submit(of_many_users(22)[10:])
        harness.clock.time += seconds
        harness.delivery.tick()
        assert len(alive_lanes()) == lanes


def test_lanes_are_opened_until_what_does_not_wait_for_an_answer_has_left() -> None:
    with waiting_for_its_first_answer() as harness:
        harness.submit(of_many_users(60)[10:])
        for _ in range(3):
            harness.clock.time += 5
            harness.delivery.tick()
        of_other_lanes = {n for n in range(10, 60) if lane_of(f"user-{n}", 8)}
        harness.wait_until(lambda: harness.outcomes.settled >= of_other_lanes)


def test_lanes_that_were_just_opened_get_a_moment_before_more_are() -> None:
    with waiting_for_its_first_answer() as harness:
        harness.submit(of_many_users(40)[10:])
        harness.clock.time += 5
        for _ in range(3):
            harness.delivery.tick()
        assert len(alive_lanes()) == 2


def waiting_for_its_first_answer(batch_wait_seconds: float = 5) -> DeliveryHarness:
    """Return a delivery whose first ten events never get an answer."""
    harness = DeliveryHarness(
        none_for_the_first,
        lanes=8,
        limits=SMALL,
        retry_for=10**6,
        batch_wait_seconds=batch_wait_seconds,
    )
    harness.submit(of_many_users(10))
    harness.wait_until(lambda: len(harness.amplitude.requests) == 1)
    return harness


def test_lanes_are_opened_while_requests_wait() -> None:
    answers = threading.Event()
    opened: dict[int, int] = {}
    with DeliveryHarness(lanes=8, limits=SMALL) as harness:
        harness.amplitude.on_post = lambda: assert_set(answers)
        for event in of_many_users(120):
            harness.submit([event])
            opened.setdefault(len(alive_lanes()), number_of(event) + 1)
            harness.wait_until_lanes_send()
        harness.amplitude.on_post = harness.clock.notice
        answers.set()
        harness.deliver([])
    assert opened == {1: 1, 2: 50, 4: 70, 8: 110}


def assert_set(event: threading.Event) -> None:
    assert event.wait(SECONDS)


def test_others_wait_for_no_lane_that_is_stuck_while_the_first_is_not() -> None:
    users = [f"user-{n}" for n in range(200) if lane_of(f"user-{n}", 2) == 1]
    events = [numbered(n, user) for n, user in enumerate(users[:15])]
    with DeliveryHarness(
        none_for_the_first, lanes=8, limits=SMALL, retry_for=10**6
    ) as harness:
        harness.use_lanes(2)
        harness.submit(events[:10])
        harness.wait_until(lambda: len(harness.amplitude.requests) == 1)
        harness.submit(events[10:])
        for _ in range(3):
            harness.clock.time += 5
            harness.delivery.tick()
        of_others = {n for n in range(10, 15) if lane_of(users[n], 8) != 1}
        assert of_others
        harness.wait_until_settled(of_others)


def test_no_more_lanes_are_opened_than_it_takes_to_keep_up() -> None:
    """While the first lane waits for an answer, four requests gather."""
    answers = threading.Event()
    with DeliveryHarness(lanes=8, limits=SMALL) as harness:
        harness.amplitude.on_post = lambda: assert_set(answers)
        harness.submit(of_many_users(10))
        harness.wait_until_lanes_send()
        harness.submit(of_many_users(50)[10:])
        harness.amplitude.on_post = harness.clock.notice
        answers.set()
        harness.wait_until_lanes_are_free()
        for event in of_many_users(2000)[50:]:
            harness.submit([event])
            harness.wait_until_lanes_are_free()
        assert len(alive_lanes()) == 2
        harness.deliver([])


def test_what_waits_in_several_lanes_is_as_overdue_when_more_are_opened() -> None:
    with DeliveryHarness(lanes=8) as harness:
        harness.use_lanes(2)
        for event in of_many_users(20):
            harness.submit([event])
            harness.clock.time += 0.1
        harness.use_all_lanes()
        harness.clock.time += 3
        harness.delivery.tick()
        harness.wait_until_settled(range(20))


def test_what_was_urged_leaves_also_when_more_lanes_are_opened() -> None:
    with waiting_for_its_first_answer() as harness:
        harness.submit(of_many_users(15)[10:])
        harness.submit([numbered(99, "user-0")])
        harness.delivery.urge()
        harness.use_all_lanes()
        of_other_lanes = {n for n in range(10, 15) if lane_of(f"user-{n}", 8)}
        harness.wait_until_settled(of_other_lanes)


def test_users_keep_to_their_lanes() -> None:
    users_of_thread: dict[str, set[int]] = {}

    def answer(numbers: Sequence[int]) -> Answer:
        lane = threading.current_thread().name
        users_of_thread.setdefault(lane, set()).update(n % 50 for n in numbers)
        return Delivered(len(numbers))

    with DeliveryHarness(answer, lanes=8, limits=SMALL) as harness:
        harness.use_all_lanes()
        harness.deliver(in_turn(2000, 50))
    users = users_of_thread.values()
    assert len(users) == 8
    assert sum(map(len, users)) == len(set.union(*users))


@pytest.mark.parametrize(
    "trouble",
    [
        Throttled(Throttle(60), "HTTP 429"),
        Throttled(Throttle(30, users=frozenset({"user-3"})), "HTTP 429"),
        Unknown("HTTP 503"),
        TooLarge("HTTP 413"),
    ],
)
def test_no_lane_overtakes_what_the_first_had_before_the_others_opened(
    trouble: Answer,
) -> None:
    with DeliveryHarness([trouble], lanes=8, limits=SMALL) as harness:
        harness.deliver(in_turn(200, 20))
        assert_in_order_per_user(harness.outcomes.accepted, 20)


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_lane_notices_a_full_request_at_once(lanes: int) -> None:
    """With the real clock, by which no lane looks up for an hour."""
    amplitude = ScriptedSender()
    options = delivery_options(limits=SMALL, lanes=2, batch_wait_seconds=3600)
    outcomes = NotedOutcomes()
    delivery = Delivery(lambda: amplitude, options, outcomes, log=lambda _: None)
    with delivery._condition:
        if lanes > 1:
            delivery._lanes._open(lanes)
    for count in range(10, 60, 10):
        delivery.submit([numbered(n) for n in range(count - 10, count)])
        with delivery._condition:
            assert delivery._condition.wait_for(
                lambda: delivery._lanes.are_free, SECONDS
            )
            assert len(outcomes.settled) == count
    delivery.close()


# Nobody waits for anybody else

OTHERS, PACED, THROTTLED = 7_000, 1_500, 500


def mixed(users: str = "others paced throttled") -> list[EncodedEvent]:
    """Events of 3,500 users, and of one who is paced and one who is throttled."""
    events: list[EncodedEvent] = []
    for number in range(OTHERS + PACED + THROTTLED):
        place = number % 18
        user = "throttled" if place == 0 else "paced" if place % 6 == 1 else ""
        if (user or "others") in users:
            events.append(numbered(number, user or f"user-{number % 3_500}"))
    return events


def of_others(events: Sequence[EncodedEvent]) -> set[int]:
    return {number_of(e) for e in events if e.user_key.startswith("user-")}


def deliver_to_others(harness: DeliveryHarness, events: Sequence[EncodedEvent]) -> None:
    """Deliver until all events of the others have arrived, or a minute has passed."""
    others, end = of_others(events), harness.clock.now() + 60
    harness.use_all_lanes()
    for start in range(0, len(events), 200):
        harness.submit(events[start : start + 200])
    harness.wait_until_lanes_are_free()
    harness.flush_within(
        lambda: -1 if others <= harness.outcomes.settled else end - harness.clock.now()
    )


def throttles_for_ever(events: Sequence[EncodedEvent]) -> AnswerScript:
    throttled = {number_of(e) for e in events if e.user_key == "throttled"}

    def answer(numbers: Sequence[int]) -> Answer:
        if throttled.isdisjoint(numbers):
            return Delivered(len(numbers))
        return Throttled(Throttle(30, users=frozenset({"throttled"})), "HTTP 429")

    return answer


@pytest.mark.parametrize("rows", [500, 2000])
@pytest.mark.parametrize("lanes", [1, 4, 16])
def test_others_arrive_while_one_is_throttled_and_one_is_paced(
    lanes: int, rows: int
) -> None:
    def harness_for(events: Sequence[EncodedEvent]) -> DeliveryHarness:
        limits = RequestLimits(rows, 900_000)
        script = throttles_for_ever(events)
        return DeliveryHarness(script, lanes=lanes, limits=limits, per_id_per_second=30)

    with harness_for(alone := mixed("others")) as harness:
        deliver_to_others(harness, alone)
        requests_alone = len(harness.amplitude.requests)
    with harness_for(events := mixed()) as harness:
        before = harness.clock.now()
        deliver_to_others(harness, events)
        assert of_others(events) <= harness.outcomes.settled
        assert harness.clock.now() - before < 10  # before either of them may go on
        assert len(harness.outcomes.settled) == OTHERS + 300
        assert harness.delivery.traffic.throttled == 1
        refused = 1
        most = max(1.2 * requests_alone, requests_alone + 1)
        assert len(harness.amplitude.requests) - refused <= most


def test_many_lanes_do_not_end_an_input_in_many_small_requests() -> None:
    with DeliveryHarness(lanes=16) as harness:
        harness.use_all_lanes()
        harness.submit(of_many_users(7_000))
        harness.wait_until_lanes_are_free()
        harness.deliver([])
        assert len(harness.amplitude.requests) <= 5
        assert harness.outcomes.settled == set(range(7_000))


@pytest.mark.parametrize("lanes", [1, 4])
def test_who_is_throttled_again_and_again_arrives_in_order_in_the_end(
    lanes: int,
) -> None:
    asked = iter(range(100))
    events = mixed()
    throttled = throttles_for_ever(events)

    def answer(numbers: Sequence[int]) -> Answer:
        answer = throttled(numbers)
        is_enough = isinstance(answer, Throttled) and next(asked) >= 5
        return Delivered(len(numbers)) if is_enough else answer

    limits = RequestLimits(500, 900_000)
    with DeliveryHarness(
        answer, lanes=lanes, limits=limits, per_id_per_second=300
    ) as harness:
        harness.deliver(events)
        assert len(harness.outcomes.accepted) == len(events)
        assert_in_order_for_each(events, harness.outcomes.accepted)


@pytest.mark.parametrize("lanes", [4, 16])
def test_a_first_request_without_an_answer_stops_no_other_lane(lanes: int) -> None:
    def answer(numbers: Sequence[int]) -> Answer:
        is_first = not set(range(10)).isdisjoint(numbers)
        return Unknown("HTTP 503") if is_first else Delivered(len(numbers))

    with DeliveryHarness(answer, lanes=lanes, limits=SMALL, retry_for=10**6) as harness:
        harness.submit(in_turn(10, 10))
        harness.wait_until(lambda: len(harness.amplitude.requests) == 1)
        for event in of_many_users(200)[10:]:
            harness.submit([event])
        end = harness.clock.now() + 6  # a little over `batch_wait_seconds`
        harness.flush_within(lambda: end - harness.clock.now())
        of_other_lanes = {n for n in range(10, 200) if lane_of(f"user-{n}", lanes)}
        assert harness.outcomes.settled >= of_other_lanes


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("following", [1, 500])
def test_a_huge_first_record_is_delivered_at_once(lanes: int, following: int) -> None:
    with DeliveryHarness(lanes=lanes) as harness:
        before = harness.clock.now()
        harness.submit([numbered(0, kept_bytes=delivery_module.MOST_BYTES_UNSETTLED)])
        for number in range(1, 1 + following):
            harness.submit([numbered(number, f"user-{number}")])
        harness.deliver([])
        assert harness.clock.now() - before < 5
        assert harness.outcomes.settled == set(range(1 + following))
        assert len(harness.amplitude.requests) <= 1 + lanes


def test_a_throttled_user_takes_memory_and_when_it_is_full_reading_waits_for_him(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "MOST_BYTES_UNSETTLED", 1_000_000)
    events = [numbered(n, "throttled", kept_bytes=1_000) for n in range(700)]
    events += [numbered(n, f"user-{n}", kept_bytes=1_000) for n in range(700, 1_400)]
    script = throttles_for_ever(events)
    with DeliveryHarness(script, lanes=4, limits=SMALL, retry_for=600) as harness:
        for event in events[:500] + events[700:]:  # of his, memory deferred about 580
            harness.submit([event])
            assert harness.delivery._unsettled_bytes <= 1_000_000
        assert not harness.flush_within(lambda: -len(harness.outcomes.settled) + 699)
        assert harness.outcomes.settled == set(range(700, 1_400))
        before = harness.clock.now()
        with pytest.raises(DeliveryError, match="retry_for"):
            harness.submit(events[500:700])
        assert harness.clock.now() - before == pytest.approx(600, abs=60)


def assert_in_order_for_each(
    events: Sequence[EncodedEvent], accepted: Sequence[int]
) -> None:
    """Assert the order for each Nami user and for each of Amplitude's."""
    by_key: dict[str, list[int]] = {}
    keys_of = {number_of(event): event.order_keys for event in events}
    for number in accepted:
        for key in set(keys_of[number]):
            by_key.setdefault(key, []).append(number)
    for numbers in by_key.values():
        assert numbers == sorted(numbers)


NAMES = st.sampled_from([None, *"ABCDEFGH"])


@given(
    who=st.lists(st.tuples(st.sampled_from("uvwxyz"), NAMES), min_size=1, max_size=150),
    trouble=st.lists(st.integers(0, 6), max_size=60),
    lanes=st.sampled_from([1, 2, 3, 5, 8]),
    pieces=st.lists(st.integers(1, 40), min_size=1, max_size=9),
    openings=st.sets(st.integers(0, 60), max_size=4),
    flushes=st.sets(st.integers(0, 150), max_size=5),
    known=st.sets(st.integers(0, 149), max_size=30),
)
@settings(max_examples=80, deadline=None)
def test_changes_of_names_and_trouble_never_change_the_order_of_anybody(  # noqa: PLR0913, PLR0917 - all that varies
    who: list[tuple[str, str | None]],
    trouble: list[int],
    lanes: int,
    pieces: list[int],
    openings: set[int],
    flushes: set[int],
    known: set[int],
) -> None:
    """More lanes are opened because of large pieces, and at random."""
    events = [
        numbered(n, user, user_id=name, device_id=None if name else f"device-{user}")
        for n, (user, name) in enumerate(who)
    ]
    left = iter(trouble)

    def answer(numbers: Sequence[int]) -> Answer:
        """Give trouble that ends, and otherwise take what is good."""
        event = events[numbers[len(numbers) // 2]]
        named = frozenset(name for name in [event.user_id, event.device_id] if name)
        troubles: dict[int, Answer] = {
            1: Unknown("HTTP 503"),
            2: Throttled(Throttle(30, users=named, devices=named), "HTTP 429"),
            3: Throttled(Throttle(30, frozenset({0})), "HTTP 429"),
            4: Throttled(Throttle(60), "HTTP 429"),
            5: TooLarge("HTTP 413") if len(numbers) > 1 else Unknown("HTTP 413"),
            6: Refused({0: BAD}, {}),
        }
        return troubles.get(next(left, 0), Delivered(len(numbers)))

    limits = RequestLimits(5, 900_000)
    with DeliveryHarness(
        answer, lanes=lanes, limits=limits, per_id_per_second=2
    ) as harness:
        harness.outcomes.known = known
        rest = iter(events)
        for count in itertools.cycle(pieces):
            piece = list(itertools.islice(rest, count))
            harness.submit(piece)
            if not openings.isdisjoint(map(number_of, piece)):
                harness.use_lanes(1 + len(harness.delivery._lanes._used))
            if not flushes.isdisjoint(map(number_of, piece)):
                harness.clock.time += 6
                harness.delivery.tick()
            if len(piece) < count:
                break
        harness.deliver([])
        assert harness.outcomes.settled == set(range(len(events)))
        assert_in_order_for_each(events, harness.outcomes.accepted)
        harness.assert_nothing_is_kept()


def test_ten_thousand_changes_of_names_keep_the_order_of_each_user() -> None:
    """A user is throttled under his old name while all others change theirs."""
    throttled = Throttled(Throttle(30, users=frozenset({"old"})), "HTTP 429")
    with DeliveryHarness([throttled], lanes=4) as harness:
        events = [numbered(0, "him", user_id="old")]
        for n in range(1, 20_001, 2):
            events += [
                numbered(n, f"u{n}", user_id=None, device_id=f"d{n}"),
                numbered(n + 1, f"u{n}", user_id=f"name-{n}"),
            ]
        events += [numbered(20_001, "him", user_id="new")]
        harness.deliver(events)
        assert_in_order_for_each(events, harness.outcomes.accepted)


def test_a_user_id_may_be_any_text() -> None:
    with DeliveryHarness(lanes=8, limits=SMALL) as harness:
        harness.use_all_lanes()
        harness.deliver([numbered(n, user_key="🎧\0 日本") for n in range(30)])
        assert harness.outcomes.accepted == list(range(30))


def faults(numbers: Sequence[int]) -> Answer:
    """Trouble that depends on the events alone, so that it is the same for all lanes.

    Every event with a 7 is bad, and no request may hold more than 6 events.
    """
    if len(numbers) > 6:
        return TooLarge("HTTP 413")
    bad = {index: BAD for index, number in enumerate(numbers) if "7" in str(number)}
    return Refused(bad, {}) if bad else Delivered(len(numbers))


class Moody:
    """Trouble of every kind that goes away, in turn with the true answer."""

    def __init__(self) -> None:
        self._asked = 0

    def __call__(self, numbers: Sequence[int]) -> Answer:
        self._asked += 1
        user = f"user-{numbers[0] % 20}"
        match self._asked % 7:
            case 0:
                return Unknown("HTTP 500", 3)
            case 2:
                return Throttled(Throttle(30, users=frozenset({user})), "HTTP 429")
            case 3:
                return Throttled(Throttle(30, frozenset({0})), "HTTP 429")
            case 5:
                return Throttled(Throttle(60), "HTTP 429")
            case _:
                return faults(numbers)


@pytest.mark.parametrize("lanes", [1, 8])
def test_the_events_of_a_user_keep_their_order_under_faults(lanes: int) -> None:
    with DeliveryHarness(Moody(), lanes=lanes, limits=SMALL) as harness:
        harness.deliver(in_turn(400, 20))
        assert_in_order_per_user(harness.outcomes.accepted, 20)
        assert harness.outcomes.settled == set(range(400))
        assert harness.outcomes.refused.keys() == {
            n for n in range(400) if "7" in str(n)
        }


def test_the_same_bytes_arrive_with_one_lane_and_with_eight() -> None:
    def arrived(lanes: int) -> set[bytes]:
        with DeliveryHarness(faults, lanes=lanes, limits=SMALL) as harness:
            harness.deliver(in_turn(500, 20))
            events = [e for body in harness.amplitude.bodies for e in body.split(b"\n")]
            taken = set(harness.outcomes.accepted)
            return {event for event in events if int(event.split()[0]) in taken}

    assert arrived(1) == arrived(8)


def test_the_traffic_is_that_of_all_lanes() -> None:
    with DeliveryHarness(Moody(), lanes=4, limits=SMALL) as harness:
        harness.deliver(in_turn(200, 20))
        traffic = harness.delivery.traffic
        assert traffic.requests == len(harness.amplitude.requests)
        assert traffic.body_bytes == sum(map(len, harness.amplitude.bodies))
        assert traffic.retries > 0
        assert traffic.throttled > 0


# Back-pressure


def test_reading_stops_while_the_lanes_are_full() -> None:
    with DeliveryHarness(lanes=2, limits=SMALL) as harness:
        for event in of_many_users(1000):
            harness.submit([event])
            unsettled = number_of(event) + 1 - len(harness.outcomes.settled)
            assert unsettled <= 2 * 10 * (1 + 2) + 1
        assert harness.delivery.flush()


def test_memory_is_bounded_by_bytes_and_requests_stay_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "MOST_BYTES_UNSETTLED", 100_000)
    with DeliveryHarness(lanes=4) as harness:
        for number in range(2000):
            event = numbered(number, f"user-{number % 50}", kept_bytes=1000)
            harness.submit([event])
            assert harness.delivery._unsettled_bytes <= 100_000
        assert harness.delivery.flush()
        assert harness.delivery._unsettled_bytes == 0
        assert len(harness.outcomes.accepted) == 2000
        # Memory for 66; half of it may wait for requests to fill, in four lanes.
        assert len(harness.amplitude.requests) <= 2000 // 8


def test_another_lane_helps_one_whose_request_takes_half_of_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "MOST_BYTES_UNSETTLED", 50_000)
    is_first = iter([True] * 2)
    both = threading.Barrier(2)
    with DeliveryHarness(lanes=4) as harness:

        def wait_for_the_other() -> None:
            harness.clock.notice()
            if next(is_first, False):
                both.wait(SECONDS)

        harness.amplitude.on_post = wait_for_the_other
        for number in range(1_000):
            harness.submit([numbered(number, f"user-{number}", kept_bytes=1000)])
            harness.wait_until_lanes_send()
        harness.deliver([])
        assert len(alive_lanes()) > 1


def test_one_lane_does_while_it_keeps_up_with_records_that_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "MOST_BYTES_UNSETTLED", 50_000)
    with DeliveryHarness(lanes=16) as harness:
        for number in range(1_000):
            harness.submit([numbered(number, f"user-{number}", kept_bytes=1000)])
            harness.wait_until_lanes_are_free()
            harness.clock.time += 0.1
        assert len(alive_lanes()) == 1
        harness.deliver([])
        assert len(harness.amplitude.requests) < 100


def waiting_bytes() -> int:
    backlogs = [lane.backlog for lane in alive_lanes()]
    return sum(one.memory_bytes for one in backlogs if not one.is_ready)


def test_lanes_that_fill_in_step_leave_half_of_the_memory_to_what_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "MOST_BYTES_UNSETTLED", 160_000)
    with DeliveryHarness(lanes=16, limits=RequestLimits(100, 900_000)) as harness:
        harness.use_all_lanes()
        for number in range(150):
            event = numbered(1000 + number, f"user-{number}", kept_bytes=490)
            harness.submit([event])
            assert waiting_bytes() <= 80_000
        assert harness.delivery.flush()
        assert waiting_bytes() == 0


def test_nobody_is_overtaken_when_memory_fills_while_the_only_open_lane_is_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "MOST_BYTES_UNSETTLED", 100_000)
    is_on_its_way, answers = threading.Event(), threading.Event()
    with DeliveryHarness(lanes=4) as harness:

        def wait_for_answers() -> None:
            is_on_its_way.set()
            assert answers.wait(SECONDS)

        harness.amplitude.on_post = wait_for_answers
        harness.submit([numbered(0, "user-0")])
        harness.delivery.urge()
        assert is_on_its_way.wait(SECONDS)
        events = [numbered(n, f"user-{n % 7}", kept_bytes=500) for n in range(1, 80)]
        harness.submit(events)
        harness.amplitude.on_post = harness.clock.notice
        answers.set()
        harness.deliver([])
        assert len(harness.outcomes.accepted) == 80
        assert_in_order_per_user(harness.outcomes.accepted, 7)


def test_nobody_waits_for_an_answer_to_others_because_memory_fills(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "MOST_BYTES_UNSETTLED", 100_000)

    with DeliveryHarness(none_for_the_first, lanes=4, retry_for=10**6) as harness:
        harness.submit(of_many_users(1))
        harness.delivery.urge()
        harness.wait_until(lambda: len(harness.amplitude.requests) == 1)
        events = [numbered(n, f"user-{n}", kept_bytes=500) for n in range(1, 200)]
        harness.submit(events)
        end = harness.clock.now() + 6  # a little over `batch_wait_seconds`
        harness.flush_within(lambda: end - harness.clock.now())
        of_other_lanes = {n for n in range(1, 200) if lane_of(f"user-{n}", 4)}
        assert harness.outcomes.settled >= of_other_lanes


def test_a_lane_that_waits_keeps_nothing_of_what_it_delivered() -> None:
    class Watched(Checkpoint):
        __slots__ = ("__weakref__",)

    with DeliveryHarness(lanes=1) as harness:
        checkpoint = Watched()
        kept = weakref.ref(checkpoint)
        harness.deliver([numbered(1, checkpoint=checkpoint)])
        harness.outcomes.settled.clear()
        harness.outcomes.accepted.clear()
        del checkpoint  # the last that the test has of it
        assert kept() is None


def test_an_event_larger_than_all_memory_goes_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "MOST_BYTES_UNSETTLED", 1000)
    with DeliveryHarness() as harness:
        harness.deliver([numbered(n, kept_bytes=5000) for n in range(5)])
        assert harness.amplitude.requests == [[0], [1], [2], [3], [4]]


def test_overdue_requests_of_other_lanes_leave_while_one_is_waited_for() -> None:
    """One lane is full and stuck; what another has been given must not wait for it."""
    with DeliveryHarness(lanes=2, limits=SMALL, per_id_per_second=1) as harness:
        harness.use_all_lanes()
        lone, crowd = user_of_lane(0, 2), user_of_lane(1, 2)
        harness.submit([numbered(1000, lone)])
        harness.deliver([numbered(n, crowd) for n in range(100, 200)])
        requests = harness.amplitude.requests
        assert [1000] in requests
        assert requests.index([1000]) < len(requests) - 2
        assert [n for n in harness.outcomes.accepted if 100 <= n < 200] == list(
            range(100, 200)
        )


def lane_of(name: str, lanes: int) -> int:
    return zlib.crc32(name.encode()) % lanes


def user_of_lane(lane: int, lanes: int) -> str:
    names = (f"name-{n}" for n in range(1000))
    return next(name for name in names if lane_of(name, lanes) == lane)


@pytest.mark.parametrize("kept_bytes", [0, 10_000_000])
def test_an_interrupted_run_does_not_wait_for_full_lanes(kept_bytes: int) -> None:
    go_on = threading.Event()

    def answer(numbers: Sequence[int]) -> Answer:
        assert go_on.wait(SECONDS)
        return Delivered(len(numbers))

    with DeliveryHarness(answer, limits=SMALL, seconds_left=lambda: 1.0) as harness:
        harness.submit([numbered(n, kept_bytes=kept_bytes) for n in range(100)])
        assert harness.outcomes.settled == set()
        go_on.set()
        assert harness.delivery.flush()
        assert harness.outcomes.accepted == list(range(100))


# Ends


def test_the_end_waits_for_all_lanes() -> None:
    with DeliveryHarness(lanes=4, limits=SMALL) as harness:
        harness.use_all_lanes()
        harness.deliver(of_many_users(200))
        assert len(alive_lanes()) == 4
        harness.delivery.close()
        assert alive_lanes() == []


@pytest.mark.parametrize("lanes", [1, 8])
def test_a_fatal_answer_ends_the_run_while_reading(lanes: int) -> None:
    harness = DeliveryHarness(lambda _: Fatal("wrong key"), lanes=lanes, limits=SMALL)
    with harness, pytest.raises(DeliveryError, match="wrong key"):
        harness.submit(of_many_users(10_000))
    assert harness.outcomes.settled == set()
    assert len(harness.amplitude.requests) <= lanes


def test_a_fatal_answer_is_noticed_between_records() -> None:
    with DeliveryHarness([Fatal("wrong key")]) as harness:
        harness.submit(of_many_users(1))
        harness.clock.time += 5

        def tick_until_the_lane_has_ended() -> None:
            harness.delivery.tick()
            for lane in alive_lanes():
                lane.join(SECONDS)
            harness.delivery.tick()

        with pytest.raises(DeliveryError, match="wrong key"):
            tick_until_the_lane_has_ended()


def test_a_fatal_answer_is_noticed_at_the_end() -> None:
    harness = DeliveryHarness([Fatal("wrong key")])
    with harness, pytest.raises(DeliveryError, match="wrong key"):
        harness.deliver(of_many_users(5))


def test_a_fatal_answer_is_noticed_while_waiting_for_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "MOST_BYTES_UNSETTLED", 1000)
    harness = DeliveryHarness([Fatal("wrong key")])
    with harness, pytest.raises(DeliveryError, match="wrong key"):
        harness.submit([numbered(n, kept_bytes=400) for n in range(5)])


def test_an_error_of_the_outcomes_reaches_the_reading_thread() -> None:
    harness = DeliveryHarness()
    harness.outcomes.settled.add(0)  # so that event 0 is settled twice
    with harness, pytest.raises(AssertionError):
        harness.deliver(of_many_users(2))


def test_retry_for_ends_the_run() -> None:
    harness = DeliveryHarness(
        lambda _: Unknown("HTTP 503: Busy"), retry_for=600, lanes=8
    )
    before = harness.clock.now()
    with harness, pytest.raises(DeliveryError, match="HTTP 503: Busy"):
        harness.deliver(of_many_users(5))
    assert harness.clock.now() - before == pytest.approx(600, abs=1)
    assert harness.outcomes.settled == set()


def test_when_the_time_is_up_finishing_ends() -> None:
    with DeliveryHarness(
        [Throttled(Throttle(60), "HTTP 429")], limits=SMALL
    ) as harness:
        end = harness.clock.now() + 20
        harness.submit(of_many_users(5))
        assert not harness.flush_within(lambda: end - harness.clock.now())
        assert harness.outcomes.settled == set()


WAITS = {
    "a throttle of all": Throttled(Throttle(60), "HTTP 429"),
    "a throttle of one": Throttled(Throttle(30, users=frozenset({"user-0"})), "429"),
    "a back-off": Unknown("HTTP 503", 600),
}


def test_a_run_that_is_stopped_sends_what_it_can_though_a_lane_is_stuck() -> None:
    def answer(numbers: Sequence[int]) -> Answer:
        return Unknown("HTTP 503") if 2 in numbers else Delivered(len(numbers))

    with DeliveryHarness(
        answer,
        lanes=4,
        limits=RequestLimits(2, 900_000),
        batch_wait_seconds=1_000_000,
        retry_for=1_000_000,
    ) as harness:
        harness.submit(of_many_users(2))
        harness.wait_until_lanes_are_free()
        here, there = user_of_lane(1, 4), user_of_lane(2, 4)
        stuck = [numbered(n, "u", user_id=here) for n in (2, 3)]
        parked = numbered(5, "u", user_id=there)
        harness.submit([*stuck, numbered(4, "v", user_id=there), parked])
        asked = itertools.count()

        def seconds_left() -> float | None:
            if next(asked) < 20:  # it is stopped while it waits
                return None
            is_over = 4 in harness.outcomes.settled or next(asked) > 1000
            return 0 if is_over else 1

        assert not harness.flush_within(seconds_left)
        assert harness.outcomes.settled == {0, 1, 4}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())
def test_a_stop_during_a_wait_ends_at_once_and_settles_nothing(wait: Answer) -> None:
    posts = SimpleQueue[None]()

    def answer(_: Sequence[int]) -> Answer:
        posts.put(None)
        return wait

    with DeliveryHarness(answer) as harness:
        before = harness.clock.now()
        harness.submit(of_many_users(1))
        harness.clock.time += 5
        harness.delivery.tick()
        posts.get(timeout=SECONDS)
    assert alive_lanes() == []
    assert harness.clock.now() == before + 5
    assert harness.outcomes.settled == set()
    assert harness.amplitude.is_closed


def test_a_stop_during_the_pace_ends_at_once() -> None:
    with DeliveryHarness(max_events_per_second=1) as harness:
        harness.submit(of_many_users(50))
    assert alive_lanes() == []


class Slow:
    """An answer that comes when it is let go."""

    def __init__(self) -> None:
        self.arrived = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, numbers: Sequence[int]) -> Answer:
        self.arrived.set()
        assert self.go_on.wait(SECONDS)
        return Delivered(len(numbers))


def test_a_request_in_flight_may_end_within_the_grace_and_counts() -> None:
    slow = Slow()
    with DeliveryHarness(slow, limits=RequestLimits(1, 1000)) as harness:
        harness.submit(of_many_users(3))
        assert slow.arrived.wait(SECONDS)
        stopped = threading.Thread(target=harness.delivery.close)
        stopped.start()
        with harness.delivery._condition:
            while not alive_lanes()[0].is_stopping:
                harness.delivery._condition.wait(SECONDS)
        slow.go_on.set()
        stopped.join(SECONDS)
        assert harness.outcomes.accepted == [0]
        assert len(harness.amplitude.requests) == 1


@pytest.mark.parametrize("late", [Delivered(1), Refused({0: BAD}, {})])
def test_an_answer_after_the_end_changes_nothing(late: Answer) -> None:
    slow = Slow()

    def answer(numbers: Sequence[int]) -> Answer:
        slow(numbers)
        return late

    harness = DeliveryHarness(answer)
    harness.submit(of_many_users(1))
    assert not harness.flush_within(lambda: 0.0)
    assert slow.arrived.wait(SECONDS)
    harness.delivery.close(grace_seconds=0)
    slow.go_on.set()
    for lane in alive_lanes():
        lane.join(SECONDS)
    assert harness.outcomes.settled == set()
