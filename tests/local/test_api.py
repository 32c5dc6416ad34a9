"""The page's JSON API, over real HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.bench import event, without

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.conftest import MakeLocal

    Ask = Callable[..., Any]
    Send = Callable[..., requests.Response]

T0 = 1_700_000_000_000
BAD_NAME = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def local(make_local: MakeLocal) -> LocalAmplitude:
    """Replace the shared one: bodies are kept as they are kept by default."""
    return make_local()


@pytest.fixture
def ask(local: LocalAmplitude, session: requests.Session) -> Ask:
    """Ask the API and return its answer, which must be a good one."""

    def ask(path: str, **query: Any) -> Any:
        answer = session.get(
            local.url + path,
            params={name.rstrip("_"): value for name, value in query.items()},
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        return answer.json()

    return ask


@pytest.fixture
def send(local: LocalAmplitude, session: requests.Session) -> Send:
    def send(*events: object, api: str = "http_v2") -> requests.Response:
        document = {"api_key": "key-1", "events": list(events)}
        return session.post(local.endpoint(api), json=document)

    return send


def at(number: int, event_type: str = "one", **fields: Any) -> dict[str, Any]:
    """Return an event that happened so many milliseconds after the first."""
    return event(event_type=event_type, time=T0 + number, **fields)


def numbers(answer: dict[str, Any], name: str = "events") -> list[int]:
    return [row["number"] for row in answer[name]]


def pages(ask: Ask, path: str, name: str, key: str, **query: Any) -> list[Any]:
    """Walk through a list, two rows at a time, and return the key of each row."""
    found: list[Any] = []
    following: str | None = ""
    while following is not None:
        answer = ask(path, limit=2, **query, before=following)
        assert len(answer[name]) <= 2
        found += [row[key] for row in answer[name]]
        following = answer["next"]
    return found


def test_an_empty_file_has_a_state(ask: Ask) -> None:
    assert ask("/api/state") == {
        "file": "local-0.db",
        "first": None,
        "last": None,
        "types": [],
        "users": 0,
        "version": 0,
        "region": "us",
    }


def test_the_state_tells_what_there_is_and_grows_with_each_request(
    ask: Ask,
    send: Send,
) -> None:
    send(at(5, "two"), at(0), event(event_type="$identify", time=1))
    first = ask("/api/state")
    send(at(0, user_id="abc"))
    send(at(9))

    state = ask("/api/state")
    assert (first["first"], first["last"], first["types"]) == (
        T0,
        T0 + 5,
        ["one", "two"],
    )
    assert state["last"] == T0 + 9
    assert state["version"] > first["version"] > 0


def test_events_come_latest_first_and_page_by_page(ask: Ask, send: Send) -> None:
    send(at(3), at(1, "two"), at(3, "two"))
    send(at(2), at(3))

    assert numbers(ask("/api/events")) == [5, 3, 1, 4, 2]
    assert pages(ask, "/api/events", "events", "number") == [5, 3, 1, 4, 2]


def test_an_event_in_a_list_shows_what_it_is(ask: Ask, send: Send) -> None:
    send(at(0, insert_id="insert-1", user_properties={"a": 1, "b": 2}))

    [row] = ask("/api/events")["events"]
    uploaded = row.pop("uploaded")
    assert uploaded > T0
    assert row == {
        "number": 1,
        "time": T0,
        "type": "one",
        "user_id": "user-1",
        "device_id": "device-1",
        "insert_id": "insert-1",
        "request": 1,
        "user": "1",
        "changes": 2,
    }


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"from_": T0 + 1}, [6, 5, 3, 2]),
        ({"to": T0 + 2}, [2, 4, 1]),
        ({"from_": T0 + 1, "to": T0 + 2}, [2]),
        ({"type": "two"}, [5, 3]),
        ({"type": ["two", "$identify"]}, [5, 3, 4]),
        ({"type": "none"}, []),
        ({"request": 1}, [3, 2, 1]),
        ({"request": 2}, [6, 5, 4]),
        ({"request": 2, "type": "two"}, [5]),
        ({"request": 77}, []),
        ({"user": 2}, [6, 2]),
        ({"user": 2, "type": "one", "to": T0 + 2}, [2]),
        ({"unknown": "x"}, [6, 5, 3, 2, 4, 1]),
    ],
)
def test_events_are_filtered(
    ask: Ask,
    send: Send,
    query: dict[str, Any],
    found: list[int],
) -> None:
    send(at(0), at(1, user_id="user-2", device_id="device-2"), at(2, "two"))
    other = {"user_id": "user-2", "device_id": "device-2"}
    send(event(event_type="$identify", time=T0), at(3, "two"), at(4, **other))

    assert numbers(ask("/api/events", **query)) == found
    assert pages(ask, "/api/events", "events", "number", **query) == found


def test_duplicates_do_not_shift_the_events_of_a_request(ask: Ask, send: Send) -> None:
    send(at(0, insert_id="a"), at(1, insert_id="a"), at(2, insert_id="b"))
    send(at(3, user_id="abc"))
    send(at(4, insert_id="b"), at(5, insert_id="c"))

    assert numbers(ask("/api/events", request=1)) == [2, 1]
    assert numbers(ask("/api/events", request=2)) == []
    assert numbers(ask("/api/events", request=3)) == [3]


def test_one_event_is_shown_as_sent_and_as_stored(
    local: LocalAmplitude,
    session: requests.Session,
    ask: Ask,
) -> None:
    raw = (
        b'{"user_id":"user-1", "event_type":"e","event_properties":{"n":1E2, "s":"%b"}}'
    )
    raw %= BAD_NAME.encode()
    session.post(
        local.endpoint("http_v2"),
        data=b'{"api_key":"k","events":[%b]}' % raw,
        headers={"Content-Type": "application/json"},
    )

    answer = ask("/api/events/1")
    assert answer["sent"] == raw.decode()
    stored = json.loads(answer["stored"])
    assert stored["event_properties"] == {"n": 100.0, "s": BAD_NAME}
    assert stored == next(local.events()).export


def test_one_event_tells_what_it_changed(ask: Ask, send: Send) -> None:
    send(at(0, user_properties={"a": 1, "b": [1], "c": "x"}))
    operations = {"$unset": {"a": "-"}, "$append": {"b": 2}, "$set": {"c": "x", "d": 1}}
    send(at(1, user_properties=operations))

    assert ask("/api/events/2")["property_changes"] == [
        {"name": "d", "before": None, "after": "1"},
        {"name": "a", "before": "1", "after": None},
        {"name": "b", "before": "[1]", "after": "[1,2]"},
    ]
    assert ask("/api/events/2")["row"]["changes"] == 3


def test_true_is_another_value_than_one(ask: Ask, send: Send) -> None:
    send(at(0, user_properties={"a": 1}), at(1, user_properties={"a": True}))

    assert ask("/api/events/2")["property_changes"] == [
        {"name": "a", "before": "1", "after": "true"},
    ]


def test_users_come_newest_first_and_page_by_page(ask: Ask, send: Send) -> None:
    send(*[at(n, user_id=f"user-{n}", device_id=f"device-{n}") for n in range(5)])
    lone = without("user_id", device_id="device-9", time=T0 + 3)
    send(at(9, user_id="user-0", device_id="device-0"), lone)

    assert pages(ask, "/api/users", "users", "key") == ["6", "5", "4", "3", "2", "1"]
    rows = ask("/api/users")["users"]
    assert rows[0] == {
        "key": "6",
        "user_id": None,
        "device_id": "device-9",
        "events": 1,
        "first": T0 + 3,
        "last": T0 + 3,
        "status": "anonymous device",
    }
    assert rows[-1] == {
        "key": "1",
        "user_id": "user-0",
        "device_id": "device-0",
        "events": 2,
        "first": T0,
        "last": T0 + 9,
        "status": "user",
    }


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


def test_requests_come_newest_first_with_what_became_of_them(
    ask: Ask,
    send: Send,
) -> None:
    send(at(0, insert_id="a"), at(0, insert_id="a"))
    send(at(0, user_id="abc"), api="batch")

    assert pages(ask, "/api/requests", "requests", "number") == [2, 1]
    refused, accepted = ask("/api/requests")["requests"]
    assert (accepted["status"], accepted["events"], accepted["duplicates"]) == (
        200,
        2,
        1,
    )
    assert (refused["status"], refused["api"]) == (400, "batch")
    assert refused["error"] == "Invalid id length for user_id or device_id"
    assert accepted["error"] == ""
    assert 0 < accepted["milliseconds"] < 60_000
    assert accepted["payload_bytes"] == accepted["wire_bytes"] > 100


@pytest.mark.parametrize(
    ("status", "found"),
    [("", [3, 2, 1]), ("refused", [3, 2]), ("400", [3, 2]), ("200", [1]), ("500", [])],
)
def test_requests_are_filtered_by_status(
    ask: Ask,
    send: Send,
    status: str,
    found: list[int],
) -> None:
    send(at(0))
    send(at(0, user_id="abc"))
    send()

    assert pages(ask, "/api/requests", "requests", "number", status=status) == found


def test_a_refused_request_shows_all_events_at_fault(ask: Ask, send: Send) -> None:
    """The answer names the first one, and of a forbidden id none at all."""
    bad = [
        at(0),
        at(0, user_id="abc"),
        event(time="x", event_properties=[]),
        without("event_type"),
        at(0, device_id="null!"),
        at(0, device_id="undefined"),
    ]
    answer = send(*bad)
    told = ask("/api/requests/1")

    assert json.loads(told["answer"]) == answer.json()
    assert [(m["index"], m["field"], m["why"]) for m in told["marked"]] == [
        (1, "user_id", "too short"),
        (2, "event_properties", "not what Amplitude takes"),
        (2, "time", "not what Amplitude takes"),
        (3, "event_type", "missing"),
        (5, "device_id", "names nobody"),
    ]
    assert json.loads(told["marked"][0]["event"]) == bad[1]
    assert [json.loads(text) for text in told["first_events"]] == bad
    assert told["body_kept"]
    assert told["marked_in_all"] == 5


def test_a_throttled_request_shows_whose_events_were_too_many(
    ask: Ask,
    send: Send,
) -> None:
    send(at(0, user_id="calm-1", device_id="calm-1"), *[at(0)] * 901)

    told = ask("/api/requests/1")
    assert len(told["marked"]) == 100
    assert told["marked_in_all"] == 901
    assert told["marked"][0]["index"] == 1
    assert told["marked"][0]["why"] == "too many events of this user or device"


def test_an_accepted_request_shows_its_first_events(ask: Ask, send: Send) -> None:
    send(at(0))
    send(*[at(n) for n in range(30)])

    told = ask("/api/requests/2")
    assert [json.loads(text)["time"] - T0 for text in told["first_events"]] == list(
        range(20)
    )
    assert (told["marked"], told["body_kept"]) == ([], False)


def test_a_body_that_is_no_json_is_shown_as_far_as_possible(
    local: LocalAmplitude,
    session: requests.Session,
    ask: Ask,
) -> None:
    session.post(local.endpoint("http_v2"), data=b"\xff\xfe{")

    told = ask("/api/requests/1")
    assert (told["marked"], told["first_events"], told["body_kept"]) == ([], [], True)


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/api/events?from=yesterday", 400, "`from` has to be a whole number."),
        ("/api/events?before=x", 400, "`before` has to be what a list gave"),
        ("/api/events?limit=many", 400, "`limit` has to be"),
        ("/api/requests?status=bad", 400, "`status` has to be"),
        ("/api/live?after=x", 400, "`after` has to be"),
        ("/api/events/7", 404, "no such thing"),
        ("/api/events/x", 404, "no such thing"),
        ("/api/events/99999999999999999999999", 404, "no such thing"),
        ("/api/users/7", 404, "no such thing"),
        ("/api/requests/7", 404, "no such thing"),
        ("/api/nothing", 404, "no such thing"),
        ("/api/", 404, "no such thing"),
    ],
)
def test_what_cannot_be_answered_is_a_sentence(
    local: LocalAmplitude,
    session: requests.Session,
    path: str,
    status: int,
    told: str,
) -> None:
    answer = session.get(local.url + path)

    assert answer.status_code == status
    assert told in answer.json()["error"]


def test_a_limit_is_never_more_than_five_hundred(ask: Ask, send: Send) -> None:
    send(*[at(n) for n in range(600)])

    assert len(ask("/api/events", limit=1_000)["events"]) == 500
    assert len(ask("/api/events")["events"]) == 100
    assert len(ask("/api/events", limit=-3)["events"]) == 1
