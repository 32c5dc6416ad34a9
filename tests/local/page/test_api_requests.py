"""The requests that the page lists and shows."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.local.asking import T0, at, pages
from tests.local.bench import event, without

if TYPE_CHECKING:
    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.asking import Ask, Send


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
    shown = ask("/api/requests/1")

    assert json.loads(shown["answer"]) == answer.json()
    assert [(m["index"], m["field"], m["why"]) for m in shown["marked"]] == [
        (1, "user_id", "short"),
        (2, "event_properties", "invalid"),
        (2, "time", "invalid"),
        (3, "event_type", "missing"),
        (5, "device_id", "forbidden"),
    ]
    assert json.loads(shown["marked"][0]["event"]) == bad[1]
    assert [json.loads(text) for text in shown["first_events"]] == bad
    assert shown["body_kept"]
    assert shown["marked_in_all"] == 5


def test_a_throttled_request_shows_whose_events_were_too_many(
    ask: Ask,
    send: Send,
) -> None:
    send(at(0, user_id="calm-1", device_id="calm-1"), *[at(0)] * 901)

    shown = ask("/api/requests/1")
    assert len(shown["marked"]) == 100
    assert shown["marked_in_all"] == 901
    assert shown["marked"][0]["index"] == 1
    assert shown["marked"][0]["why"] == "throttled"


def test_an_accepted_request_shows_its_first_events(ask: Ask, send: Send) -> None:
    send(at(0))
    send(*[at(n) for n in range(30)])

    shown = ask("/api/requests/2")
    assert [json.loads(text)["time"] - T0 for text in shown["first_events"]] == list(
        range(20)
    )
    assert (shown["marked"], shown["body_kept"]) == ([], False)


def test_a_body_that_is_not_json_is_shown_as_far_as_possible(
    page_local: LocalAmplitude,
    session: requests.Session,
    ask: Ask,
) -> None:
    session.post(page_local.endpoint("http_v2"), data=b"\xff\xfe{")

    shown = ask("/api/requests/1")
    assert (shown["marked"], shown["first_events"], shown["body_kept"]) == (
        [],
        [],
        True,
    )
