"""The list of users: kept up to date as events come, however much of it waits."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.queries.user_list import (
    SORT_KEYS,
    UserOrder,
    list_users,
)
from target_amplitude_nami.local.storage.store import Capacities
from target_amplitude_nami.local.storage.user_list import user_list
from target_amplitude_nami.local.storage.user_list.status import Status, status_of
from tests.local.asking import at
from tests.local.bench import without

if TYPE_CHECKING:
    from tests.local.bench import Bench
    from tests.local.conftest import MakeBench


@pytest.mark.parametrize(
    ("properties", "status"),
    [
        ({}, Status.UNKNOWN),
        ({"plan": "paid"}, Status.UNKNOWN),
        ({"namiml_active_skus": [], "namiml_in_trial_period": False}, Status.UNKNOWN),
        ({"namiml_former_subscriber": False}, Status.NEVER),
        ({"namiml_former_subscriber": "false"}, Status.NEVER),
        ({"namiml_former_subscriber": True}, Status.FORMER),
        ({"namiml_active_entitlements": ["premium"]}, Status.ACTIVE),
        ({"namiml_active_skus": ["monthly"]}, Status.ACTIVE),
        (
            {"namiml_active_skus": ["monthly"], "namiml_in_trial_period": True},
            Status.TRIAL,
        ),
        ({"namiml_in_trial_period": "true"}, Status.TRIAL),
        (
            {"namiml_active_entitlements": ["premium"], "namiml_is_cancelled": True},
            Status.CANCELLED,
        ),
        (
            {
                "namiml_active_entitlements": [],
                "namiml_is_cancelled": True,
                "namiml_former_subscriber": True,
            },
            Status.FORMER,
        ),
        (
            {
                "namiml_subscription_status": "account_hold",
                "namiml_in_trial_period": True,
            },
            Status.ACCOUNT_HOLD,
        ),
        ({"namiml_subscription_status": "paid"}, Status.UNKNOWN),
        ({"namiml_in_trial_period": "false"}, Status.UNKNOWN),
        ({"namiml_in_intro_offer_period": True}, Status.INTRO),
        (
            {"namiml_in_grace_period": True, "namiml_active_skus": ["monthly"]},
            Status.GRACE,
        ),
        ({"namiml_in_account_hold": True}, Status.ACCOUNT_HOLD),
        ({"namiml_in_pause": True, "namiml_former_subscriber": False}, Status.PAUSED),
    ],
)
def test_the_status_follows_from_namis_properties(
    properties: dict[str, Any], status: Status
) -> None:
    assert status_of(properties) == status


def everyone(bench: Bench, order: UserOrder | None = None) -> list[tuple[Any, ...]]:
    with closing(bench.read.connect()) as connection:
        page = list_users(connection, "", order or UserOrder("name"), 100)
    return [(row.user_id, row.device_id, row.events, row.status) for row in page.users]


@pytest.mark.parametrize("waiting", [1, 3, 1_000])
def test_the_list_is_the_same_however_many_changes_wait(
    make_bench: MakeBench, waiting: int
) -> None:
    bench = make_bench(capacities=Capacities(waiting_rows=waiting))
    for number in range(4):
        former = {"namiml_former_subscriber": number % 2 == 0}
        bench.send(
            *[at(number, user_id=f"user-{user}") for user in range(number + 1)],
            at(9, "$identify", user_id="user-9", user_properties={"$set": former}),
        )

    assert everyone(bench, UserOrder("name", descending=False)) == [
        ("user-0", "device-1", 4, "unknown"),
        ("user-1", "device-1", 3, "unknown"),
        ("user-2", "device-1", 2, "unknown"),
        ("user-3", "device-1", 1, "unknown"),
        ("user-9", "device-1", 0, "never"),
    ]
    for key in SORT_KEYS:
        forth = everyone(bench, UserOrder(key))
        assert forth == everyone(bench, UserOrder(key, descending=False))[::-1]


@pytest.mark.parametrize("waiting", [1, 1_000])
def test_a_device_that_turns_out_to_be_a_users_adds_its_events(
    make_bench: MakeBench, waiting: int
) -> None:
    bench = make_bench(capacities=Capacities(waiting_rows=waiting))
    bench.send(at(0, user_id="user-1", device_id="device-1"))
    bench.send(*[without("user_id", device_id="device-2", time=n) for n in (1, 2)])
    assert [row[2] for row in everyone(bench)] == [1, 2]

    bench.send(at(3, user_id="user-1", device_id="device-2"))

    assert everyone(bench) == [("user-1", "device-1", 4, "unknown")]


def test_a_list_that_is_made_anew_is_the_one_that_was_kept(
    make_bench: MakeBench,
) -> None:
    bench = make_bench(capacities=Capacities(waiting_rows=5, fresh_events=5))
    for number in range(9):
        active = {"namiml_active_skus": ["one"] if number % 2 else []}
        bench.send(
            at(number, user_id=f"user-{number % 4}", user_properties=active),
            at(number, user_id=f"user-{number % 3}"),
        )
    kept = everyone(bench)

    with closing(sqlite3.connect(bench.read.path)) as connection:
        connection.execute("DELETE FROM user_list")
        connection.execute("DELETE FROM fresh_user_list")
        user_list.fill(connection)
        connection.commit()

    assert everyone(bench) == kept
