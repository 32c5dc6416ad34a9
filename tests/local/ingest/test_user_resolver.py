"""Who is who: users, devices, and devices whose user becomes known."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.queries.selection import Selection
from target_amplitude_nami.local.queries.user_list import UserOrder, list_users
from target_amplitude_nami.local.queries.users import user_details
from tests.local.bench import Bench, event, without

if TYPE_CHECKING:
    from tests.local.conftest import MakeBench


def anonymous(device_id: str = "device-1", **fields: Any) -> dict[str, Any]:
    return without("user_id", device_id=device_id, **fields)


def known(user_id: str, device_id: str = "device-1", **fields: Any) -> dict[str, Any]:
    return event(user_id=user_id, device_id=device_id, **fields)


def events_per_user(bench: Bench) -> dict[str, int]:
    """Return how many events each user has, by user id or else device id."""
    with closing(bench.read.connect()) as connection:
        rows = list_users(connection, "", UserOrder(), 100).users
    return {row.user_id or row.device_id or "": row.events for row in rows}


def devices_of(bench: Bench, name: str) -> list[str]:
    with closing(bench.read.connect()) as connection:
        [row] = list_users(connection, name, UserOrder(), 100).users
        found = user_details(connection, int(row.key), Selection())
    assert found is not None
    return found.devices


@pytest.mark.parametrize(
    ("sent", "counted"),
    [
        ([anonymous(), anonymous("device-2")], {"device-1": 1, "device-2": 1}),
        ([anonymous(), known("user-1")], {"user-1": 2}),
        ([known("user-1"), anonymous()], {"user-1": 2}),
        (
            [known("user-1", "device-2"), anonymous(), known("user-1"), anonymous()],
            {"user-1": 4},
        ),
        (
            [anonymous(), known("user-1"), known("user-2"), anonymous()],
            {"user-1": 2, "user-2": 2},
        ),
        (
            [known("user-1"), known("user-2"), known("user-1"), anonymous()],
            {"user-1": 3, "user-2": 1},
        ),
        (
            [anonymous(), anonymous("device-2"), known("user-1", "device-2")],
            {"device-1": 1, "user-1": 2},
        ),
        ([without("device_id"), known("user-1")], {"user-1": 2}),
    ],
)
@pytest.mark.parametrize("together", [False, True])
def test_what_a_device_did_counts_for_the_user_who_logs_in_on_it(
    bench: Bench,
    sent: list[dict[str, Any]],
    counted: dict[str, int],
    *,
    together: bool,
) -> None:
    """Tracking unique users: anonymous events of a device join its user.

    A device of several users attributes anonymous events to the last of them.
    """
    for events in [sent] if together else [[one] for one in sent]:
        bench.send(*events)

    assert events_per_user(bench) == counted
    assert bench.read.summary().users == len(counted)


def test_users_are_never_merged(bench: Bench) -> None:
    """Tracking unique users: two user ids stay two users, also on one device."""
    bench.send(known("user-1"), known("user-2"))

    assert events_per_user(bench) == {"user-1": 1, "user-2": 1}


def test_devices_join_users_only_if_switched_on(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(join_devices=False)

    bench.send(anonymous(), known("user-1"), anonymous())

    assert events_per_user(bench) == {"device-1": 2, "user-1": 1}


@pytest.mark.parametrize(("switched", "taken"), [(True, {"b": 2}), (False, {})])
def test_a_known_user_gets_the_properties_that_they_lack(
    make_bench: MakeBench,
    taken: dict[str, int],
    *,
    switched: bool,
) -> None:
    """Nothing documented says what becomes of the properties: a switch."""
    bench = make_bench(join_properties=switched)
    bench.send(known("user-1", "device-2", user_properties={"a": 1}))

    bench.send(anonymous(user_properties={"a": 0, "b": 2}), known("user-1"))

    assert bench.read.user_properties("user-1") == {"a": 1, **taken}


def test_an_anonymous_device_that_becomes_a_new_user_keeps_its_properties(
    bench: Bench,
) -> None:
    bench.send(anonymous(user_properties={"a": 1}))
    bench.send(known("user-1", user_properties={"b": 2}))

    assert bench.read.user_properties("user-1") == {"a": 1, "b": 2}
    assert bench.read.user_properties("device-1") == {"a": 1, "b": 2}


def test_projects_do_not_share_devices(bench: Bench) -> None:
    bench.send(anonymous())
    bench.send(known("user-1"), api_key="key-2")

    assert events_per_user(bench) == {"device-1": 1, "user-1": 1}


def test_a_user_is_known_by_all_devices_they_used(bench: Bench) -> None:
    bench.send(anonymous("device-2"), known("user-1", "device-1"))
    bench.send(known("user-1", "device-2"), known("user-1", "device-1"))

    assert sorted(devices_of(bench, "user-1")) == ["device-1", "device-2"]
    assert devices_of(bench, "device-2") == devices_of(bench, "user-1")


def test_a_restart_forgets_nobody(make_bench: MakeBench) -> None:
    first = make_bench()
    first.send(anonymous("device-2"), known("user-1"))
    first.store.close()

    second = Bench(first.read.path)
    second.send(anonymous("device-1"), known("user-1", "device-2"), anonymous("new-1"))
    second.store.close()

    assert events_per_user(second) == {"user-1": 4, "new-1": 1}
