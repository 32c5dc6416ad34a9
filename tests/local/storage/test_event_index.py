"""Events are found alike, whether their places are fresh or were moved on."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from target_amplitude_nami.local.queries import figures, growth, lists, users
from tests.local.asking import T0, at

if TYPE_CHECKING:
    from tests.local.bench import Bench
    from tests.local.conftest import MakeBench

TYPES = ["device.impression", "device.transaction", "user.journey.trial.started"]


def answers(bench: Bench) -> dict[str, Any]:
    """Return what the page shows of a bench, in every way that it can be asked for."""
    part = lists.Wanted(since=T0 + 3, until=T0 + 14, types=(TYPES[0], TYPES[1]))
    one = lists.Wanted(user=2, limit=3)
    with closing(bench.read.connect()) as connection:
        shown = {
            "state": figures.state(connection, "", "us"),
            "overview": figures.overview(connection, lists.Wanted()),
            "part of it": figures.overview(connection, part),
            "subscriptions": growth.subscriptions(connection, lists.Wanted()),
            "events": lists.events(connection, lists.Wanted(limit=5)),
            "of some types": lists.events(connection, part),
            "of a user": lists.events(connection, one),
            "of a request": lists.events(connection, lists.Wanted(request=2)),
            "users": users.users(connection, "", None, 10),
            "user": users.user(connection, 2, one),
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
    monkeypatch: pytest.MonkeyPatch,
    most_fresh: int,
) -> None:
    fresh = make_bench()
    fill(fresh)
    monkeypatch.setattr(
        "target_amplitude_nami.local.storage.event_index._MOST_FRESH",
        most_fresh,
    )
    moved = make_bench()
    fill(moved)

    assert answers(moved) == answers(fresh)
    assert answers(fresh)["summary"]["users"] == 5


def test_a_writer_that_comes_later_knows_what_is_fresh(
    make_bench: MakeBench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "target_amplitude_nami.local.storage.event_index._MOST_FRESH", 3
    )
    bench = make_bench()
    bench.send(at(1), at(2))
    again = type(bench)(bench.read.path)
    again.send(at(3))
    again.store.close()

    with closing(bench.read.connect()) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            for table in ("fresh_by_time", "by_time", "fresh_by_user", "by_user")
        ]
    assert counts == [0, 3, 0, 3]


def test_users_who_are_no_longer_at_hand_are_read_from_the_file(
    make_bench: MakeBench,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("target_amplitude_nami.local.storage.user_table._AT_HAND", 1)
    monkeypatch.setattr("target_amplitude_nami.local.storage.store._OWNERS_AT_HAND", 1)
    monkeypatch.setattr(
        "target_amplitude_nami.local.storage.write_buffer._MOST_WAITING", 1
    )
    bench = make_bench()
    for number in range(9):
        user = f"user-{number % 3}"
        sent = {f"property-{number}": number}
        bench.send(at(number, user_id=user, device_id=None, user_properties=sent))

    assert bench.read.user_properties("user-1") == {
        "property-1": 1,
        "property-4": 4,
        "property-7": 7,
    }
    assert bench.read.summary().users == 3


def play(bench: Bench, *, reopened: bool) -> list[Any]:
    """Let users change, come to be known and join; return the profiles and exports."""
    sent = [
        {"a": 1, "b": [1], "c": "x"},
        {},
        {"$unset": {"b": "-"}, "$append": {"d": 1.0}},
        {"c": None, "a": True},
    ]
    writer = bench
    for number in range(24):
        known = number % 3 == 0 or number > 15
        fields = {"country": f"country-{number % 4}"} if number % 6 == 0 else {}
        writer.send(
            at(
                number,
                user_id=f"user-{number % 4}" if known else None,
                device_id=f"device-{number % 5}",
                user_properties=sent[number * 5 % 4],
                **fields,
            ),
            at(number, user_id=f"user-{number % 3}", device_id=None),
        )
        if reopened:
            writer.store.close()
            writer = type(bench)(bench.read.path)
    if writer is not bench:
        writer.store.close()
    with closing(bench.read.connect()) as connection:
        numbers = [row.key for row in users.users(connection, "", None, 50).users]
        shown = [
            users.user(connection, int(key), lists.Wanted(user=int(key)))
            for key in numbers
        ]
    now = [bench.read.user_properties(f"user-{number}") for number in range(4)]
    exports = [
        {name: value for name, value in export.items() if "upload" not in name}
        for export in bench.exports()
    ]
    found: list[Any] = msgspec.to_builtins([shown, now, exports])
    return found


@pytest.mark.parametrize("reopened", [False, True])
@pytest.mark.parametrize("most_waiting", [1, 4, 50_000])
@pytest.mark.parametrize("at_hand", [1, 60_000])
def test_users_are_the_same_wherever_their_changes_stand(
    make_bench: MakeBench,
    monkeypatch: pytest.MonkeyPatch,
    *,
    reopened: bool,
    most_waiting: int,
    at_hand: int,
) -> None:
    plain = play(make_bench(), reopened=False)
    registry = "target_amplitude_nami.local.storage.user_table"
    monkeypatch.setattr(f"{registry}._MOST_WAITING", most_waiting)
    monkeypatch.setattr(f"{registry}._AT_HAND", at_hand)

    assert play(make_bench(), reopened=reopened) == plain
    assert {"a", "c", "d"} <= plain[1][0].keys()
