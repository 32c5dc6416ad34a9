"""What an event does to the properties of its user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.ingest import properties
from tests.local.bench import Bench, event, without

if TYPE_CHECKING:
    from tests.local.conftest import MakeBench

SKIP = {"$skip_user_properties_sync": True}


@pytest.mark.parametrize(
    ("before", "sent", "after"),
    [
        ({"a": 1}, {"a": 2, "b": 3}, {"a": 2, "b": 3}),
        ({"a": 1}, {}, {"a": 1}),
        ({"a": 1}, {"$set": {"a": 2, "b": 3}}, {"a": 2, "b": 3}),
        ({"a": 1}, {"$setOnce": {"a": 2, "b": 3}}, {"a": 1, "b": 3}),
        ({"a": 1, "b": 2}, {"$unset": {"a": "-", "c": "-"}}, {"b": 2}),
        ({"a": 1}, {"$add": {"a": 2, "b": 3.5}}, {"a": 3, "b": 3.5}),
        ({"a": 5}, {"$add": {"a": -7}}, {"a": -2}),
        ({"a": "x", "b": 1}, {"$add": {"a": 1, "b": "y"}}, {"a": "x", "b": 1}),
        ({"a": [1]}, {"$append": {"a": 2, "b": 3}}, {"a": [1, 2], "b": [3]}),
        ({"a": "x"}, {"$append": {"a": ["y", "z"]}}, {"a": ["x", "y", "z"]}),
        ({"a": [1]}, {"$prepend": {"a": [2, 3]}}, {"a": [2, 3, 1]}),
        ({"a": [1]}, {"$preInsert": {"a": [2, 1, 2]}}, {"a": [2, 1]}),
        ({"a": [1]}, {"$postInsert": {"a": [1, 2]}}, {"a": [1, 2]}),
        ({}, {"$postInsert": {"a": "x"}}, {"a": ["x"]}),
        ({"a": [1, 2, 1]}, {"$remove": {"a": 1, "b": 1}}, {"a": [2]}),
        ({"a": [1, 2, 3]}, {"$remove": {"a": [1, 3]}}, {"a": [2]}),
        ({"a": 1, "b": 2}, {"$clearAll": "-"}, {}),
        ({"a": 1}, {"$clearAll": "-", "$set": {"b": 2}}, {"b": 2}),
        (
            {"n": 1, "old": 1},
            {"$set": {"a": 1}, "$add": {"n": 1}, "$unset": {"old": "-"}},
            {"n": 2, "a": 1},
        ),
    ],
)
def test_each_operation_changes_user_properties(
    before: dict[str, Any],
    sent: dict[str, Any],
    after: dict[str, Any],
) -> None:
    """Identify API, user_properties operations; plain properties are set."""
    properties.apply(before, sent)

    assert before == after


def test_a_list_grows_to_ten_thousand_items() -> None:
    """Amplitude limits: arrays grown by append."""
    table = {"a": [0] * 9_999}

    properties.apply(table, {"$append": {"a": [1, 2]}})

    assert (len(table["a"]), table["a"][-1]) == (10_000, 1)


def test_an_event_carries_the_merged_properties_of_its_moment(bench: Bench) -> None:
    """HTTP V2 API, `user_properties`; earlier events never change."""
    bench.send(event(user_properties={"plan": "trial", "n": 1}))
    bench.send(event(), event(user_properties={"plan": "paid"}))

    assert [stored["user_properties"] for stored in bench.exports()] == [
        {"plan": "trial", "n": 1},
        {"plan": "trial", "n": 1},
        {"plan": "paid", "n": 1},
    ]
    assert bench.read.user_properties("user-1") == {"plan": "paid", "n": 1}


def test_arrival_decides_and_not_the_time_of_the_event(bench: Bench) -> None:
    """HTTP V2 API: events are processed as they are received."""
    bench.send(
        event(time=2_000_000, user_properties={"plan": "new"}),
        event(time=1_000_000, user_properties={"plan": "old"}),
    )

    assert bench.read.user_properties("user-1") == {"plan": "old"}


def test_a_skipped_event_keeps_its_own_properties_and_leaves_the_users_alone(
    bench: Bench,
) -> None:
    """HTTP V2 API, `$skip_user_properties_sync`."""
    bench.send(event(user_properties={"plan": "paid", "n": 1}))
    bench.send(event(user_properties={"plan": "old"}, **SKIP), event(**SKIP))

    assert [stored["user_properties"] for stored in bench.exports()[1:]] == [
        {"plan": "old"},
        {},
    ]
    assert bench.read.user_properties("user-1") == {"plan": "paid", "n": 1}


def test_a_skipped_event_makes_its_user_known_without_properties(
    bench: Bench,
) -> None:
    bench.send(event(user_properties={"plan": "old"}, **SKIP))

    assert bench.read.user_properties("user-1") == {}
    assert bench.read.summary().users == 1


def test_identify_changes_the_user_and_is_not_an_event(bench: Bench) -> None:
    """Identify API: identify calls are not counted as events."""
    identify = event(event_type="$identify", user_properties={"$set": {"plan": "pro"}})

    status, document = bench.send(identify, event())

    assert (status, document["events_ingested"]) == (200, 2)
    assert bench.read.summary().events == {"user.login": 1}
    assert bench.read.summary().identifies == 1
    assert bench.exports()[0]["user_properties"] == {"plan": "pro"}
    [kept] = bench.read.events(listed=False)
    assert kept.sent == identify


def test_an_event_without_a_user_changes_its_device_alone(bench: Bench) -> None:
    bench.send(without("user_id", user_properties={"a": 1}))
    bench.send(event(device_id="device-2", user_properties={"b": 2}))

    assert bench.read.user_properties("device-1") == {"a": 1}
    assert bench.read.user_properties("user-1") == {"b": 2}
    assert bench.read.user_properties("nobody") is None


def test_projects_have_users_of_their_own(bench: Bench) -> None:
    bench.send(event(user_properties={"a": 1}))
    bench.send(event(user_properties={"b": 2}), api_key="key-2")

    assert [stored["user_properties"] for stored in bench.exports()] == [
        {"a": 1},
        {"b": 2},
    ]


def test_updates_over_eighteen_hundred_an_hour_are_lost_and_their_events_kept(
    make_bench: MakeBench,
) -> None:
    """HTTP V2 API, Rate limiting of user property updates."""
    bench = make_bench(throttling=False)
    updates = [event(user_properties={"n": n}) for n in range(1_801)]

    bench.send(*updates)
    assert bench.read.summary().total == 1_801
    assert bench.read.user_properties("user-1") == {"n": 1_799}

    bench.now += 3_599
    bench.send(event(user_properties={"n": "early"}))
    assert bench.read.user_properties("user-1") == {"n": 1_799}

    bench.now += 1
    bench.send(event(user_properties={"n": "late"}))
    assert bench.read.user_properties("user-1") == {"n": "late"}


def test_an_event_whose_update_is_lost_shows_what_its_user_has(
    make_bench: MakeBench,
) -> None:
    """HTTP V2 API, Rate limiting of user property updates."""
    bench = make_bench(user_updates_per_hour=1)

    bench.send(
        event(user_id="user-1", user_properties={"n": 1}),
        event(user_id="user-1", user_properties={"n": 2}),
        event(user_id="user-2", device_id=None, user_properties={"$unset": {"n": "-"}}),
        event(user_id="user-2", device_id=None, user_properties={"n": 3}),
    )

    shown = [kept["user_properties"] for kept in bench.exports()]
    assert shown == [{"n": 1}, {"n": 1}, {}, {}]
