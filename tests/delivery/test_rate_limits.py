"""How fast events may leave."""

from __future__ import annotations

import typing as t
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.delivery.rate_limits import (
    WINDOW_SECONDS,
    PerIdRateLimiter,
    RateLimiter,
)
from tests.support.delivery import number_of, numbered, of_many_users

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent

NOW = 1000.0


def numbers(events: Sequence[EncodedEvent]) -> list[int]:
    return [number_of(event) for event in events]


def of_one_user(count: int, **changes: t.Any) -> list[EncodedEvent]:
    return [numbered(number, **changes) for number in range(count)]


# The limit of the run


def test_without_a_pace_nothing_waits() -> None:
    limiter = RateLimiter()
    assert [limiter.reserve(2000, NOW) for _ in range(3)] == [0, 0, 0]


def test_each_request_waits_for_those_before_it() -> None:
    limiter = RateLimiter(per_second=100)
    assert limiter.reserve(200, NOW) == 0
    assert limiter.reserve(50, NOW) == 2
    assert limiter.reserve(100, NOW + 1) == 1.5


def test_a_pause_is_not_made_up_for() -> None:
    limiter = RateLimiter(per_second=100)
    limiter.reserve(100, NOW)
    assert limiter.reserve(100, NOW + 500) == 0
    assert limiter.reserve(100, NOW + 500) == 1


def test_two_projects_share_the_pace_of_the_run() -> None:
    limiter = RateLimiter(per_second=100)
    main, sandbox = (
        PerIdRateLimiter(per_id_per_second=30, run_limiter=limiter) for _ in range(2)
    )
    assert main.reserve(100, NOW) == 0
    assert sandbox.reserve(100, NOW) == 1
    assert main.reserve(100, NOW) == 2


# The share of one user or device


@pytest.mark.parametrize(
    ("api", "per_second"), [("http_v2", 30), ("batch", 300)], ids=["http_v2", "batch"]
)
def test_the_rate_of_an_id_is_that_of_the_api(api: limits.Api, per_second: int) -> None:
    limiter = PerIdRateLimiter(per_id_per_second=limits.EVENTS_PER_SECOND_PER_ID[api])
    share = per_second * WINDOW_SECONDS
    admission = limiter.admit(of_one_user(share + 5), NOW)
    assert numbers(admission.admitted) == list(range(share))
    assert numbers(admission.postponed) == list(range(share, share + 5))
    assert admission.until == {"user": NOW + WINDOW_SECONDS}


@pytest.mark.parametrize("others", [0, 1_000])
def test_the_share_is_the_same_beside_few_and_many(others: int) -> None:
    limiter = PerIdRateLimiter(per_id_per_second=1)
    limiter.admit(of_one_user(WINDOW_SECONDS - 1), NOW)
    for _ in range(WINDOW_SECONDS // 2):
        limiter.admit(of_many_users(others) * 2, NOW)
    admission = limiter.admit(of_one_user(3), NOW)
    assert numbers(admission.admitted) == [0]
    assert numbers(admission.postponed) == [1, 2]


@pytest.mark.parametrize(
    "ids", [{}, {"user_id": None, "device_id": "device"}, {"device_id": "device"}]
)
def test_users_and_devices_have_a_share_each(ids: dict[str, t.Any]) -> None:
    limiter = PerIdRateLimiter(per_id_per_second=1)
    admission = limiter.admit(of_one_user(15, **ids), NOW)
    assert len(admission.admitted) == 10


def test_one_device_of_many_users_has_one_share() -> None:
    limiter = PerIdRateLimiter(per_id_per_second=1)
    events = [numbered(n, f"u{n}", device_id="device") for n in range(12)]
    admission = limiter.admit(events, NOW)
    assert len(admission.admitted) == 10
    assert admission.until.keys() == {"u10", "u11"}


def test_who_has_one_name_with_a_user_who_waits_has_to_wait_behind_him() -> None:
    limiter = PerIdRateLimiter(per_id_per_second=1)
    events = [
        *(numbered(n, "x", device_id="full") for n in range(10)),
        numbered(10, "u", user_id="name", device_id="full"),
        numbered(11, "v", user_id="name"),
        numbered(12, "v", user_id="another"),
        numbered(13, "w", user_id="free"),
    ]
    admission = limiter.admit(events, NOW)
    assert numbers(admission.postponed) == [10, 11, 12]


def test_the_share_is_that_of_all_requests_of_ten_seconds() -> None:
    limiter = PerIdRateLimiter(per_id_per_second=1)
    assert len(limiter.admit(of_one_user(4), NOW).admitted) == 4
    second = limiter.admit(of_one_user(8), NOW + 5)
    assert len(second.admitted) == 6
    assert second.until == {"user": NOW + 10}
    third = limiter.admit(of_one_user(8), NOW + 10)
    assert len(third.admitted) == 4
    assert third.until == {"user": NOW + 15}


@pytest.mark.parametrize("now", [0.1, 0.3, 1000.7, 123456.789, 1e9 + 0.1])
def test_postponed_events_are_admitted_at_the_moment_given(now: float) -> None:
    limiter = PerIdRateLimiter(per_id_per_second=1)
    admission = limiter.admit(of_one_user(11), now)
    (moment,) = admission.until.values()
    assert limiter.admit(admission.postponed, moment).postponed == []


def test_once_one_event_waits_all_later_ones_of_its_user_do() -> None:
    limiter = PerIdRateLimiter(per_id_per_second=1)
    limiter.admit([numbered(n, "x", device_id="full") for n in range(10)], NOW)
    events = [
        numbered(0, "a", device_id="full"),
        numbered(1, "a", device_id="free"),
        numbered(2, "b", device_id="free"),
    ]
    admission = limiter.admit(events, NOW)
    assert numbers(admission.admitted) == [2]
    assert numbers(admission.postponed) == [0, 1]


def test_most_requests_need_no_second_look() -> None:
    limiter = PerIdRateLimiter(per_id_per_second=30)
    events = of_many_users(2000)
    assert limiter.admit(events, NOW).admitted is events


def test_ids_that_occur_once_in_a_large_request_are_not_remembered() -> None:
    limiter = PerIdRateLimiter(per_id_per_second=30)
    limiter.admit(of_many_users(2000), NOW)
    assert not limiter._recent
    limiter.admit([*of_many_users(2000), *of_one_user(2)], NOW)
    assert limiter._recent[0][1] == Counter({"user": 2})


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.lists(
                st.tuples(st.sampled_from("ab"), st.sampled_from(["d", "e", None]))
            ),
        ),
        max_size=12,
    )
)
def test_no_id_ever_gets_more_than_its_share(
    requests: list[tuple[int, list[tuple[str, str | None]]]],
) -> None:
    limiter = PerIdRateLimiter(per_id_per_second=1)
    now, sent = NOW, list[tuple[float, Counter[str | None]]]()
    for seconds, ids in requests:
        now += seconds
        events = [
            numbered(n, user, device_id=device) for n, (user, device) in enumerate(ids)
        ]
        admission = limiter.admit(events, now)
        together = [*admission.admitted, *admission.postponed]
        assert sorted(numbers(together)) == list(range(len(ids)))
        waiting = {key for event in admission.postponed for key in event.order_keys}
        assert admission.until.keys() == waiting
        assert all(moment > now for moment in admission.until.values())
        admitted = Counter(event.user_id for event in admission.admitted)
        admitted += Counter(e.device_id for e in admission.admitted if e.device_id)
        sent.append((now, admitted))
        recent = [counts for at, counts in sent if at > now - WINDOW_SECONDS]
        assert all(n <= WINDOW_SECONDS for n in sum(recent, Counter()).values())
