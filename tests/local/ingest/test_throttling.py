"""How much is too much, for one device, one user, one project."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.local.ingest.throttling import SlidingWindow
from tests.local.bench import BATCH, HTTP_V2, Bench, event, without

if TYPE_CHECKING:
    from tests.local.conftest import MakeBench


@pytest.mark.parametrize(
    ("name", "others", "key"),
    [
        ("user_id", "device_id", "throttled_users"),
        ("device_id", "user_id", "throttled_devices"),
    ],
)
def test_nine_hundred_events_of_one_id_fit_into_thirty_seconds_of_http_v2(
    bench: Bench,
    name: str,
    others: str,
    key: str,
) -> None:
    """HTTP V2 API, 429: 30 events per second for a user or device."""
    events = [without(others, **{name: "busy-one"})] * 901

    assert bench.send(*events[:900])[0] == 200
    status, document = bench.send(without(others, **{name: "calm-one"}), events[0])

    assert status == 429
    assert document == {
        "code": 429,
        "error": "Too many requests for some devices and users",
        "eps_threshold": 30,
        "throttled_devices": {},
        "throttled_users": {},
        "throttled_events": [1],
        key: {"busy-one": 30},
    }


def test_two_thousand_events_of_one_user_in_one_request_never_pass(
    bench: Bench,
) -> None:
    status, document = bench.send(*[event()] * 2_000)

    assert status == 429
    assert document["throttled_users"] == {"user-1": 67}
    assert document["throttled_events"] == list(range(2_000))


def test_a_throttled_id_may_come_again_after_thirty_seconds(bench: Bench) -> None:
    """HTTP V2 API, 429: pause for 30 seconds before the next try."""
    bench.send(*[event()] * 900)

    bench.now += 29.9
    assert bench.send(event())[0] == 429
    bench.now += 0.1
    assert bench.send(event())[0] == 200


@pytest.mark.parametrize(("counted", "status"), [(False, 200), (True, 429)])
def test_refused_events_count_towards_the_rate_only_if_switched_on(
    make_bench: MakeBench,
    *,
    counted: bool,
    status: int,
) -> None:
    bench = make_bench(count_refused=counted)
    bench.send(*[event()] * 901)

    assert bench.send(event())[0] == status


def test_projects_and_apis_are_throttled_apart(bench: Bench) -> None:
    bench.send(*[event()] * 900)

    assert bench.send(event())[0] == 429
    assert bench.send(event(), api_key="key-2")[0] == 200
    assert bench.send(event(), path=BATCH)[0] == 200


def test_batch_takes_thirty_thousand_events_of_one_id_in_thirty_seconds(
    bench: Bench,
) -> None:
    """Batch Event Upload API, 429: 1,000 events per second for a user or device."""
    for _ in range(15):
        assert bench.send(*[event()] * 2_000, path=BATCH)[0] == 200

    status, document = bench.send(event(), path=BATCH)

    assert status == 429
    assert document["eps_threshold"] == 1_000
    assert document["exceeded_daily_quota_users"] == {}


def test_the_daily_quota_applies_to_spammy_ids_on_batch_only(
    make_bench: MakeBench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Batch Event Upload API, 429: 500,000 events in a rolling 24 hours."""
    monkeypatch.setattr("target_amplitude_nami.local.ingest.limits.DAILY_QUOTA", 3)
    bench = make_bench(spammy_ids=frozenset({"spammer-1"}))
    spam, other = event(user_id="spammer-1"), event(device_id="device-2")
    assert bench.send(*[spam] * 3, *[other] * 4, path=BATCH)[0] == 200

    bench.now += 24 * 3_600 - 1
    status, document = bench.send(other, spam, path=BATCH)
    assert status == 429
    assert document["exceeded_daily_quota_users"] == {"spammer-1": 4}
    assert document["throttled_events"] == [1]
    assert bench.send(spam, path=HTTP_V2)[0] == 200

    bench.now += 1
    assert bench.send(spam, path=BATCH)[0] == 200


def test_a_project_over_its_rate_gets_a_429_without_maps(
    make_bench: MakeBench,
) -> None:
    """HTTP V2 API, Upload limit: 1,000 events per second on the Starter plan."""
    bench = make_bench(starter_plan=True)
    crowd = [event(user_id=f"user-{n}", device_id=f"device-{n}") for n in range(1_001)]

    assert bench.send(*crowd[:1_000])[0] == 200
    assert bench.send(crowd[1_000]) == (
        429,
        {"code": 429, "error": "Too many requests"},
    )
    bench.now += 1
    assert bench.send(crowd[1_000])[0] == 200


def test_a_starter_project_may_make_a_hundred_requests_per_second(
    make_bench: MakeBench,
) -> None:
    """HTTP V2 API, Upload limit: 100 batches per second on the Starter plan."""
    bench = make_bench(starter_plan=True)

    statuses = Counter(bench.send(event())[0] for _ in range(101))

    assert statuses == {200: 100, 429: 1}


def test_any_project_is_throttled_over_fifty_thousand_events_per_second(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """HTTP V2 API, Upload limit for larger plans, on a smaller scale."""
    from target_amplitude_nami.local.ingest import limits  # noqa: PLC0415

    assert limits.HTTP_V2.project_rate == 50_000
    assert limits.BATCH.project_rate == 100_000
    monkeypatch.setitem(
        limits.APIS,
        HTTP_V2,
        limits.Api("http_v2", HTTP_V2, 10**6, 30, 2, limits.IndexMode.FIRST),
    )

    assert bench.send(event(), event())[0] == 200
    assert bench.send(event())[0] == 429


def test_throttling_can_be_switched_off(make_bench: MakeBench) -> None:
    assert make_bench(throttling=False).send(*[event()] * 2_000)[0] == 200


def test_a_silenced_device_refuses_the_request_and_throttled_ids_are_listed(
    make_bench: MakeBench,
) -> None:
    """Batch Event Upload API, 400: silenced_devices and silenced_events."""
    bench = make_bench(silenced_devices=frozenset({"device-9"}))
    bench.send(*[event()] * 900)

    answer = bench.send(event(), event(device_id="device-9"), event(user_id="user-2"))

    assert answer == (
        400,
        {
            "code": 400,
            "error": "Events silenced for device_id",
            "eps_threshold": 30,
            "silenced_devices": ["device-9"],
            "silenced_events": [1],
            "throttled_devices": {"device-1": 30},
            "throttled_users": {"user-1": 30},
            "throttled_events": [0, 1, 2],
        },
    )


def test_a_window_forgets_what_is_older() -> None:
    window = SlidingWindow(10)
    window.add(Counter(a=2, b=1), 0)
    window.add(Counter(a=3), 5)

    assert dict(window.totals(9)) == {"a": 5, "b": 1}
    assert dict(window.totals(10)) == {"a": 3}
    assert dict(window.totals(15)) == {}
