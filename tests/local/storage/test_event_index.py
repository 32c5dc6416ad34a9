"""Events are found alike, whether their index entries are new or were merged."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from target_amplitude_nami.local.queries import figures
from target_amplitude_nami.local.queries.events import list_events
from target_amplitude_nami.local.queries.selection import Selection
from target_amplitude_nami.local.queries.subscriptions.view import subscriptions
from target_amplitude_nami.local.queries.user_list import UserOrder, list_users
from target_amplitude_nami.local.queries.users import user_details
from target_amplitude_nami.local.storage.store import Capacities
from tests.local.asking import T0, at

if TYPE_CHECKING:
    from tests.local.bench import Bench
    from tests.local.conftest import MakeBench

TYPES = ["device.impression", "device.transaction", "user.journey.trial.started"]


def answers(bench: Bench) -> dict[str, Any]:
    """Return what the page shows of a bench, in every way that it can be asked for."""
    part = Selection(since=T0 + 3, until=T0 + 14, types=(TYPES[0], TYPES[1]))
    one = Selection(user=2, limit=3)
    with closing(bench.read.connect()) as connection:
        shown = {
            "state": figures.state(connection, "", "us"),
            "overview": figures.overview(connection, Selection()),
            "part of it": figures.overview(connection, part),
            "subscriptions": subscriptions(connection, Selection()),
            "events": list_events(connection, Selection(limit=5)),
            "of some types": list_events(connection, part),
            "of a user": list_events(connection, one),
            "of a request": list_events(connection, Selection(request=2)),
            "users": list_users(connection, "", UserOrder(), 10),
            "user": user_details(connection, 2, one),
            "summary": bench.read.summary(),
        }
    answered: dict[str, Any] = msgspec.to_builtins(shown)
    return answered


def fill(bench: Bench) -> None:
    """Send requests of four events; known users log in on devices used before."""
    events = [
        at(
            number * 7 % 20,
            TYPES[number % 3],
            user_id=f"user-{number % 5}" if number in (4, 5) or number > 7 else None,
            device_id=f"device-{number if number in (4, 5) else number % 4}",
        )
        for number in range(20)
    ]
    events[10] = {**events[10], "event_type": "$identify"}
    for start in range(0, 20, 4):
        bench.send(*events[start : start + 4])


@pytest.mark.parametrize("most_fresh", [1, 6, 9])
def test_the_page_shows_the_same(
    make_bench: MakeBench,
    most_fresh: int,
) -> None:
    fresh = make_bench()
    fill(fresh)
    moved = make_bench(capacities=Capacities(fresh_events=most_fresh))
    fill(moved)

    assert answers(moved) == answers(fresh)
    assert answers(fresh)["summary"]["users"] == 5


def test_a_writer_that_comes_later_knows_what_is_fresh(
    make_bench: MakeBench,
) -> None:
    capacities = Capacities(fresh_events=3)
    bench = make_bench(capacities=capacities)
    bench.send(at(1), at(2))
    again = make_bench(bench.read.path, capacities=capacities)
    again.send(at(3))
    again.store.close()

    with closing(bench.read.connect()) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("fresh_by_time", "by_time", "fresh_by_user", "by_user")
        ]
    assert counts == [0, 3, 0, 3]
