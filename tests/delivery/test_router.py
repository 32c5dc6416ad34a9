"""Which lane an event goes to."""

from __future__ import annotations

import itertools
import typing as t
import zlib

from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.delivery.router import Router
from tests.support.delivery import number_of, numbered

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent

LANES = 4
ON_ITS_WAY = -1


class Lanes:
    """A router, and what it has put in which lane."""

    def __init__(self, lanes: int = LANES) -> None:
        self.router = Router()
        self.router.use(lanes, [])
        self.lane_of: dict[int, int] = {}

    def route(self, *events: EncodedEvent) -> list[int | None]:
        """Route events; return the lane of each, None for one that is parked."""
        for lane, routed in enumerate(self.router.route(events)):
            for event in routed:
                self.lane_of[number_of(event)] = lane
        return [self.lane_of.get(number_of(event)) for event in events]

    def use(
        self, lanes: int, unsettled: Sequence[EncodedEvent], first_waiting: int
    ) -> None:
        """Use so many lanes, when events from some number on are not on their way."""
        waiting = []
        for number, event in sorted((number_of(event), event) for event in unsettled):
            if number >= first_waiting and self.lane_of[number] != ON_ITS_WAY:
                waiting.append(event)
                del self.lane_of[number]
            else:
                self.lane_of[number] = ON_ITS_WAY
        self.route(*self.router.use(lanes, waiting))

    def settle(self, *events: EncodedEvent) -> list[int]:
        """Settle events; return the numbers of those that are routed thereby."""
        before = set(self.lane_of)
        if parked := self.router.settle(events):
            self.route(*parked)
        return sorted(set(self.lane_of) - before)


def of(
    number: int, user: str, name: str | None = None, device: str | None = None
) -> EncodedEvent:
    """Return an event of a Nami user under a name of Amplitude's."""
    return numbered(number, user, user_id=name, device_id=device)


def name_of_lane(lane: int) -> str:
    names = (f"name-{number}" for number in itertools.count())
    return next(name for name in names if zlib.crc32(name.encode()) % LANES == lane)


A, B, C, D = (name_of_lane(lane) for lane in range(4))


def test_a_lane_is_that_of_the_name_whoever_came_before() -> None:
    lanes = Lanes()
    assert lanes.route(of(0, "u", A), of(1, "v", B), of(2, C)) == [0, 1, 2]
    lanes.settle(of(0, "u", A), of(1, "v", B), of(2, C))
    assert lanes.route(of(3, "w", A), of(4, "u", B), of(5, C)) == [0, 1, 2]


def test_who_gets_a_name_follows_what_is_unsettled_of_before() -> None:
    lanes = Lanes()
    assert lanes.route(of(0, A, None), of(1, A, B), of(2, "v", B)) == [0, 0, 0]


def test_a_user_without_unsettled_events_returns_to_the_lane_of_the_name() -> None:
    lanes = Lanes()
    lanes.route(of(0, A, None))
    lanes.settle(of(0, A, None))
    assert lanes.route(of(1, A, B)) == [1]


def test_what_would_have_to_follow_into_two_lanes_is_parked_for_one_of_them() -> None:
    lanes = Lanes()
    assert lanes.route(of(0, A, None), of(1, "v", B)) == [0, 1]
    assert lanes.route(of(2, A, B)) == [None]
    assert lanes.settle(of(0, A, None)) == [2]
    assert lanes.lane_of[2] == 1


def test_later_events_of_whoever_is_parked_are_parked_and_all_others_go_on() -> None:
    lanes = Lanes()
    lanes.route(of(0, A, None), of(1, "v", B), of(2, A, B))
    assert lanes.route(of(3, "v", B), of(4, A, C), of(5, "w", C)) == [None] * 3
    assert lanes.route(of(6, "x", D)) == [3]
    assert lanes.settle(of(6, "x", D)) == []
    assert lanes.settle(of(1, "v", B)) == [2, 3, 4, 5]


def test_two_anonymous_users_of_one_device_are_in_order() -> None:
    lanes = Lanes()
    assert lanes.route(of(0, A, None, "device"), of(1, B, None, "device")) == [0, 0]


def test_who_is_in_the_first_request_waits_for_it_and_nobody_else_does() -> None:
    lanes = Lanes()
    first = [of(0, "u", A), of(1, "v", B), of(2, "u", A)]
    lanes.router.share(first)
    assert lanes.route(of(3, "u", A), of(4, "w", C)) == [None, 2]
    assert lanes.settle(first[0]) == []
    assert lanes.settle(first[2]) == [3]
    assert not lanes.router.has_parked
    assert lanes.route(of(5, "v", B)) == [None]
    assert lanes.settle(first[1]) == [5]


def test_who_has_moved_to_another_lanes_request_waits_for_it() -> None:
    lanes = Lanes()
    moved = [of(0, "u", A), of(1, "u", A)]
    lanes.route(*moved, of(2, "v", B))
    lanes.router.move(moved)
    assert lanes.route(of(3, "u", A), of(4, "v", B)) == [None, 1]
    assert lanes.settle(moved[0]) == []
    assert lanes.settle(moved[1]) == [3]
    assert lanes.lane_of[3] == 0


def test_only_who_may_go_is_looked_at_when_somebody_is_settled() -> None:
    router = Router()
    router.use(LANES, [])
    first = [of(n, f"u{n}") for n in range(3)]
    later = [of(n + 3, f"u{n % 3}") for n in range(6)]
    router.share(first)
    router.route(later)
    assert router.settle([first[1]]) == [later[1], later[4]]
    assert router.settle([first[0], first[2]]) == [later[n] for n in (0, 3, 2, 5)]
    assert not router.has_parked


def test_users_who_have_come_to_share_a_name_are_parked_in_order() -> None:
    lanes = Lanes()
    first = [of(0, "u", A), of(1, "v", B)]
    lanes.router.share(first)
    events = [of(2, "u", A), of(3, "v", B), of(4, "u", B), of(5, "u", A), of(6, "v", B)]
    assert lanes.route(*events) == [None] * 5
    assert lanes.settle(first[1]) == [3]
    assert lanes.settle(events[1]) == []
    assert lanes.settle(first[0]) == [2, 4, 5, 6]
    assert not lanes.router.has_parked


def test_who_waits_and_who_is_parked_is_routed_anew_for_more_lanes() -> None:
    lanes = Lanes(lanes=2)
    on_its_way = of(0, "u", A)
    lanes.route(on_its_way)
    waiting = [of(1, "u", A), of(2, "w", C), of(3, "x", D)]
    lanes.route(*waiting)
    parked = [of(4, "w", D), of(5, "x", D)]
    assert lanes.route(*parked) == [None, None]
    anew = lanes.router.use(LANES, waiting)
    lanes.lane_of.clear()
    assert anew == waiting + parked
    assert lanes.route(*anew) == [None, 2, 3, None, None]
    assert lanes.settle(on_its_way) == [1]
    assert lanes.settle(waiting[1]) == [4, 5]


def test_nothing_is_remembered_of_who_is_settled() -> None:
    lanes = Lanes()
    events = [of(n, f"u{n % 7}", f"n{n % 5}") for n in range(100)]
    lanes.router.share(events[:20])
    lanes.route(*events[20:])
    lanes.settle(*events[:20])
    while lanes.lane_of:
        routed = [events[number] for number in lanes.lane_of]
        lanes.lane_of.clear()
        lanes.settle(*routed)
    assert lanes.router._places == {}
    assert not lanes.router.has_parked


@given(
    st.lists(
        st.tuples(st.sampled_from("uvwx"), st.sampled_from([None, A, B, C])),
        max_size=40,
    ),
    st.integers(0, 10),
    st.randoms(use_true_random=False),
)
def test_nobody_has_unsettled_events_in_two_lanes(
    who: list[tuple[str, str | None]], shared: int, choice: t.Any
) -> None:
    lanes = Lanes()
    events = [of(n, user, name) for n, (user, name) in enumerate(who)]
    lanes.router.share(events[:shared])
    unsettled = {number_of(event): event for event in events[:shared]}
    lanes.lane_of |= dict.fromkeys(unsettled, ON_ITS_WAY)
    waiting = events[shared:]
    settled: set[int] = set()
    while waiting or unsettled:
        if choice.random() < 0.1:
            some_wait = choice.randint(0, len(events))
            lanes.use(choice.randint(2, LANES), list(unsettled.values()), some_wait)
        elif waiting and choice.random() < 0.6:
            lanes.route(waiting.pop(0))
        elif unsettled:
            number = first_of_his(choice.choice(list(unsettled.values())), unsettled)
            settled.add(number)
            lanes.settle(events[number])
        unsettled = {n: events[n] for n in lanes.lane_of if n not in settled}
        assert_each_in_one_lane(list(unsettled.values()), lanes.lane_of)
    assert len(settled) == len(events)


def first_of_his(event: EncodedEvent, unsettled: dict[int, EncodedEvent]) -> int:
    """Return the one of a user that his lane settles first."""
    return min(n for n, other in unsettled.items() if share_a_key(event, other))


def share_a_key(one: EncodedEvent, other: EncodedEvent) -> bool:
    return not set(one.order_keys).isdisjoint(other.order_keys)


def assert_each_in_one_lane(
    events: Sequence[EncodedEvent], lane_of: dict[int, int]
) -> None:
    for one, other in itertools.combinations(events, 2):
        if share_a_key(one, other):
            assert lane_of[number_of(one)] == lane_of[number_of(other)]
