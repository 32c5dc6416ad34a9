"""The figures of the page, counted from what was sent."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.queries import figures
from target_amplitude_nami.local.queries.selection import Selection
from tests.local.bench import Bench, event

if TYPE_CHECKING:
    from target_amplitude_nami.local.queries.charts import Overview
    from tests.local.conftest import MakeBench

HOUR = 3_600_000
DAY = 24 * HOUR
MONDAY = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1_000)


def at(time: int, event_type: str, user: int = 1) -> dict[str, Any]:
    return event(
        event_type=event_type,
        time=MONDAY + time,
        user_id=f"user-{user}",
        device_id=f"device-{user}",
    )


def overview(bench: Bench, **selection: Any) -> Overview:
    with closing(bench.read.connect()) as connection:
        return figures.overview(connection, Selection(**selection))


def test_an_empty_file_has_empty_figures(bench: Bench) -> None:
    shown = overview(bench)

    assert (shown.types, shown.starts, shown.series) == ([], [], [])
    assert shown.totals.events == shown.totals.users == shown.totals.requests == 0


def test_the_overview_counts_events_and_users_by_type(bench: Bench) -> None:
    bench.send(at(0, "b"), at(1, "b", user=2), at(2, "a"), at(3, "b"))
    bench.send(at(4, "$identify", user=3), event(user_id="abc"))
    bench.send(at(4, "$identify", user=3))

    shown = overview(bench)

    assert [(row.type, row.events, row.users) for row in shown.types] == [
        ("b", 3, 2),
        ("a", 1, 1),
    ]
    totals = shown.totals
    assert (totals.events, totals.users, totals.identifies) == (4, 2, 1)
    assert (totals.requests, totals.refused, totals.duplicates) == (3, 1, 0)
    assert sum(sum(series.counts) for series in shown.series) == 4


@pytest.mark.parametrize(
    ("selection", "counted", "users"),
    [
        ({"since": MONDAY + DAY}, {"a": 1, "b": 1}, 2),
        ({"until": MONDAY + DAY}, {"b": 2}, 1),
        ({"since": MONDAY + 1, "until": MONDAY + DAY + 1}, {"a": 1, "b": 1}, 1),
        ({"types": ("a",)}, {"a": 1}, 1),
        ({"types": ("a", "b")}, {"a": 1, "b": 3}, 2),
        ({"types": ("none",)}, {}, 0),
        ({"types": ("$identify",)}, {}, 0),
        ({"since": MONDAY + 9 * DAY}, {}, 0),
        ({"since": MONDAY + 9, "until": MONDAY + 3}, {}, 0),
    ],
)
def test_the_overview_keeps_to_the_range_and_the_types(
    bench: Bench,
    selection: dict[str, Any],
    counted: dict[str, int],
    users: int,
) -> None:
    bench.send(at(0, "b"), at(1, "b"), at(DAY, "a"), at(2 * DAY, "b", user=2))

    shown = overview(bench, **selection)

    assert {row.type: row.events for row in shown.types} == counted
    assert {s.type: sum(s.counts) for s in shown.series} == counted
    assert shown.totals.users == users


@pytest.mark.parametrize(
    ("span", "bucket"),
    [
        (1, 60_000),
        (HOUR, 60_000),
        (3 * HOUR, 5 * 60_000),
        (DAY, 15 * 60_000),
        (4 * DAY, HOUR),
        (14 * DAY, 3 * HOUR),
        (29 * DAY, 6 * HOUR),
        (90 * DAY, DAY),
        (200 * DAY, 2 * DAY),
        (700 * DAY, 7 * DAY),
        (3_000 * DAY, 28 * DAY),
    ],
)
def test_buckets_are_as_long_as_makes_a_good_chart(
    bench: Bench,
    span: int,
    bucket: int,
) -> None:
    moments = [0, span // 2, span]
    bench.send(*[at(moment, "a") for moment in moments])

    shown = overview(bench)

    assert shown.bucket == bucket
    assert len(shown.starts) <= 120
    assert shown.starts[0] <= MONDAY < shown.starts[0] + bucket
    assert shown.starts[-1] <= MONDAY + span < shown.starts[-1] + bucket
    expected = [0] * len(shown.starts)
    for moment in moments:
        expected[(MONDAY + moment - shown.starts[0]) // bucket] += 1
    assert shown.series[0].counts == expected


def test_events_of_a_thousand_years_make_a_chart(bench: Bench) -> None:
    bench.send(event(time=-62_135_596_800_000), event(time=253_402_300_799_999))

    shown = overview(bench)

    assert 30 <= len(shown.starts) <= 120
    assert sum(shown.series[0].counts) == 2


def test_weeks_begin_on_a_monday(bench: Bench) -> None:
    bench.send(at(3 * DAY, "a"), at(703 * DAY, "a"))

    first = datetime.fromtimestamp(overview(bench).starts[0] / 1_000, UTC)

    assert first == datetime(2026, 6, 1, tzinfo=UTC)
    assert first.weekday() == 0
    assert first.utcoffset() == timedelta(0)


def test_counts_of_a_range_leave_out_what_is_beside_it_in_a_bucket(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(throttling=False)
    bench.send(*[at(minute * 60_000, "a") for minute in range(60 * 24 * 4)][:1_900])

    shown = overview(bench, since=MONDAY + 90_000, until=MONDAY + 4 * DAY)

    assert shown.bucket == HOUR
    assert shown.series[0].counts[0] == 58
    assert shown.series[0].counts[1] == 60


def test_two_projects_with_one_event_type_are_counted_together(bench: Bench) -> None:
    bench.send(at(0, "a"), at(1, "b"))
    bench.send(at(0, "a"), api_key="key-2")

    shown = overview(bench)

    assert [(row.type, row.events, row.users) for row in shown.types] == [
        ("a", 2, 2),
        ("b", 1, 1),
    ]
    assert shown.totals.users == 2


def test_a_device_that_became_a_user_is_one_of_the_active_users(
    bench: Bench,
) -> None:
    lone = at(0, "a")
    del lone["user_id"]
    bench.send(lone)
    bench.send({**at(1, "b"), "device_id": "device-2"})
    assert overview(bench).totals.users == 2

    bench.send(at(2, "a"))

    shown = overview(bench)
    assert shown.totals.users == 1
    assert [row.users for row in shown.types] == [1, 1]


def test_types_beyond_the_limit_are_in_no_figure(make_bench: MakeBench) -> None:
    bench = make_bench(event_types=1)

    bench.send(at(0, "a"), at(0, "b", user=2))

    assert [row.type for row in overview(bench).types] == ["a"]
    assert overview(bench).totals.users == 1
