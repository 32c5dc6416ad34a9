"""The users that the page lists and shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.local.asking import T0, at, numbers, pages
from tests.local.bench import without

if TYPE_CHECKING:
    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.asking import Ask, Send


def test_the_users_seen_last_come_first_and_page_by_page(ask: Ask, send: Send) -> None:
    send(*[at(n, user_id=f"user-{n}", device_id=f"device-{n}") for n in range(5)])
    lone = without("user_id", device_id="device-9", time=T0 + 3)
    send(at(9, user_id="user-0", device_id="device-0"), lone)

    assert pages(ask, "/api/users", "users", "key") == ["1", "5", "6", "4", "3", "2"]
    rows = ask("/api/users")["users"]
    assert rows[0] == {
        "key": "1",
        "user_id": "user-0",
        "device_id": "device-0",
        "kind": "user",
        "status": "unknown",
        "events": 2,
        "last": T0 + 9,
    }
    assert rows[2] == {
        "key": "6",
        "user_id": None,
        "device_id": "device-9",
        "kind": "device",
        "status": "unknown",
        "events": 1,
        "last": T0 + 3,
    }


@pytest.mark.parametrize(
    ("sort", "order", "found"),
    [
        ("last", "desc", ["anna", "dora", "cleo", "bert"]),
        ("last", "asc", ["bert", "cleo", "dora", "anna"]),
        # Those of one value are in the order in which they came.
        ("events", "desc", ["bert", "dora", "anna", "cleo"]),
        ("events", "asc", ["cleo", "anna", "dora", "bert"]),
        ("name", "asc", ["anna", "bert", "cleo", "dora"]),
        ("name", "desc", ["dora", "cleo", "bert", "anna"]),
        ("status", "desc", ["cleo", "dora", "bert", "anna"]),
        ("status", "asc", ["anna", "bert", "dora", "cleo"]),
    ],
)
def test_users_are_sorted_in_either_direction(
    ask: Ask, send: Send, sort: str, order: str, found: list[str]
) -> None:
    trial, active = {"namiml_in_trial_period": True}, {"namiml_active_skus": ["one"]}
    send(
        at(0, user_id="bert-", device_id="device-b", user_properties=trial),
        at(1, user_id="bert-", device_id="device-b"),
        at(2, user_id="cleo-", device_id="device-c", user_properties=active),
        at(9, user_id="anna-", device_id="device-a"),
        at(3, user_id="dora-", device_id="device-d", user_properties=trial),
    )
    shown = pages(ask, "/api/users", "users", "user_id", sort=sort, order=order)

    assert shown == [f"{name}-" for name in found]


@pytest.mark.parametrize(
    ("asked", "message"),
    [({"sort": "age"}, "`sort` must be one of"), ({"order": "up"}, "`order` must be")],
)
def test_an_unknown_order_of_users_is_refused(
    page_local: LocalAmplitude,
    session: requests.Session,
    asked: dict[str, str],
    message: str,
) -> None:
    answer = session.get(page_local.url + "/api/users", params=asked)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(message)


@pytest.mark.parametrize(
    ("start", "found"),
    [
        ("user-", ["user-b", "user-a"]),
        ("user-a", ["user-a"]),
        ("device-a", ["user-a"]),
        ("device-", ["user-b", "user-a"]),
        ("nami-b", ["user-b"]),
        ("phone-2", ["user-b"]),
        ("ser-a", []),
        ("USER", []),
        ("%", []),
        ("_", []),
        ("  user-a ", ["user-a"]),
    ],
)
def test_a_user_is_looked_up_by_the_start_of_any_id(
    ask: Ask,
    send: Send,
    start: str,
    found: list[str],
) -> None:
    for name in ("a", "b"):
        send(
            at(
                0,
                user_id=f"user-{name}",
                device_id=f"device-{name}",
                user_properties={
                    "namiml_user_id": f"nami-{name}",
                    "namiml_device_ids": [f"phone-{len(name)}", f"phone-2-{name}"]
                    if name == "b"
                    else [],
                },
            ),
        )

    rows = ask("/api/users", q=start)["users"]
    assert [row["user_id"] for row in rows] == found


def test_one_user_shows_each_property_with_the_event_that_set_it(
    ask: Ask,
    send: Send,
) -> None:
    send(at(0, user_properties={"plan": "trial", "n": 1}))
    send(at(7, "two", user_properties={"plan": "paid", "n": 1}, platform="iOS"))
    send(at(8, user_properties={"plan": "paid"}, device_id="device-2"))

    user = ask("/api/users/1")
    assert user["properties"] == [
        {"name": "n", "value": "1", "set_at": T0, "event": 1, "type": "one"},
        {
            "name": "plan",
            "value": '"paid"',
            "set_at": T0 + 7,
            "event": 2,
            "type": "two",
        },
    ]
    assert user["user"]["user_id"] == "user-1"
    assert (user["first"], user["user"]["last"]) == (T0, T0 + 8)
    assert user["devices"] == ["device-1", "device-2"]
    assert user["fields"]["platform"] == "iOS"
    assert numbers(user["timeline"]) == [3, 2, 1]
    assert [row["changes"] for row in user["timeline"]["events"]] == [0, 1, 2]


def test_a_timeline_goes_on_page_by_page(ask: Ask, send: Send) -> None:
    send(*[at(n, f"type-{n % 3}") for n in range(5)])

    first = ask("/api/users/1", limit=3)["timeline"]
    second = ask("/api/users/1", limit=3, before=first["next"])["timeline"]
    assert (numbers(first), numbers(second)) == ([5, 4, 3], [2, 1])
    assert second["next"] is None
