"""The events that the page lists and shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.asking import T0, at, numbers, pages
from tests.local.bench import event

if TYPE_CHECKING:
    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.asking import Ask, Send
    from tests.local.conftest import MakeLocal

BAD_NAME = "</script><img src=x onerror=alert(1)>"


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
    page_local: LocalAmplitude,
    session: requests.Session,
    ask: Ask,
) -> None:
    raw = (
        b'{"user_id":"user-1", "event_type":"e","event_properties":{"n":1E2, "s":"%b"}}'
    )
    raw %= BAD_NAME.encode()
    session.post(
        page_local.endpoint("http_v2"),
        data=b'{"api_key":"k","events":[%b]}' % raw,
        headers={"Content-Type": "application/json"},
    )

    answer = ask("/api/events/1")
    assert answer["sent"] == raw.decode()
    stored = json.loads(answer["stored"])
    assert stored["event_properties"] == {"n": 100.0, "s": BAD_NAME}
    assert stored == next(page_local.events()).export


def test_one_event_shows_what_it_changed(ask: Ask, send: Send) -> None:
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


def test_an_event_says_when_there_is_nothing_to_explain_it_by(
    ask: Ask, send: Send
) -> None:
    send(at(0))
    assert ask("/api/events/1/explanation") == {"available": False}


def test_an_event_is_explained_by_its_insert_id(
    make_local: MakeLocal, session: requests.Session
) -> None:
    local = make_local(explain=lambda insert_id: {"explained": insert_id})
    session.post(
        local.endpoint("http_v2"),
        json={"api_key": "k", "events": [at(0, insert_id="one"), at(1)]},
    ).raise_for_status()
    answers = [
        session.get(f"{local.url}/api/events/{number}/explanation")
        for number in (1, 2, 3)
    ]
    assert answers[0].json() == {"available": True, "explained": "one"}
    assert "no insert id" in answers[1].json()["error"]
    assert answers[2].status_code == 404
