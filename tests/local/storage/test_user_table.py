"""Users are the same, whether they are cached, waiting or in their table."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from target_amplitude_nami.local.queries.selection import Selection
from target_amplitude_nami.local.queries.user_list import UserOrder, list_users
from target_amplitude_nami.local.queries.users import user_details
from target_amplitude_nami.local.storage.store import Capacities
from tests.local.asking import at

if TYPE_CHECKING:
    from tests.local.conftest import MakeBench


def test_users_who_are_no_longer_cached_are_read_from_the_file(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(
        capacities=Capacities(cached_users=1, cached_owners=1, waiting_rows=1)
    )
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


def play(
    make_bench: MakeBench,
    capacities: Capacities | None = None,
    *,
    reopened: bool = False,
) -> list[Any]:
    """Let users change, become known and join; return their profiles and exports."""
    sent = [
        {"a": 1, "b": [1], "c": "x"},
        {},
        {"$unset": {"b": "-"}, "$append": {"d": 1.0}},
        {"c": None, "a": True},
    ]
    writer = bench = make_bench(capacities=capacities)
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
            writer = make_bench(bench.read.path, capacities=capacities)
    with closing(bench.read.connect()) as connection:
        numbers = [row.key for row in list_users(connection, "", UserOrder(), 50).users]
        shown = [
            user_details(connection, int(key), Selection(user=int(key)))
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
@pytest.mark.parametrize("cached", [1, 60_000])
def test_users_are_the_same_wherever_their_changes_are(
    make_bench: MakeBench,
    *,
    reopened: bool,
    most_waiting: int,
    cached: int,
) -> None:
    plain = play(make_bench)
    capacities = Capacities(waiting_rows=most_waiting, cached_users=cached)

    assert play(make_bench, capacities, reopened=reopened) == plain
    assert {"a", "c", "d"} <= plain[1][0].keys()
