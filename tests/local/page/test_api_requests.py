"""The requests that the page lists and shows."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.queries.requests import list_requests
from target_amplitude_nami.local.queries.selection import Selection
from tests.local.asking import at, pages
from tests.local.bench import NOON, event, without

if TYPE_CHECKING:
    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.asking import Ask, Send
    from tests.local.bench import Bench


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
    assert [json.loads(sent["text"]) for sent in shown["sent"]["events"]] == bad
    assert [sent["place"] for sent in shown["sent"]["events"]] == [1, 2, 3, 4, 5, 6]
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


@pytest.mark.parametrize("bad", [[], [event(time="x")]])
def test_a_request_shows_all_its_events_page_by_page(
    ask: Ask, send: Send, bad: list[dict[str, Any]]
) -> None:
    send(at(0))
    send(*[at(n) for n in range(30)], *bad)
    found, stored = [], []
    following: str | None = ""
    while following is not None:
        page = ask("/api/requests/2", limit=12, before=following)["sent"]
        assert page["total"] == 30 + len(bad)
        found += [(each["place"], json.loads(each["text"])) for each in page["events"]]
        stored += [each["number"] for each in page["events"]]
        following = page["next"]

    assert found == list(enumerate([*[at(n) for n in range(30)], *bad], 1))
    assert stored == ([None] * 31 if bad else list(range(2, 32)))


def test_requests_follow_the_range_of_their_own_time(bench: Bench) -> None:
    for day in range(5):
        bench.now = NOON + day * 86_400
        bench.send(at(day) if day % 2 else event(time="x"))

    def found(since: float, until: float, status: str = "") -> list[int]:
        selection = Selection(since=int(since * 1_000), until=int(until * 1_000))
        with closing(bench.read.connect()) as connection:
            page = list_requests(connection, selection, status)
        assert (page.first, page.last) == (NOON * 1_000, (NOON + 4 * 86_400) * 1_000)
        return [row.number for row in page.requests]

    assert found(NOON + 1, NOON + 3 * 86_400) == [3, 2]
    assert found(NOON, NOON + 10 * 86_400) == [5, 4, 3, 2, 1]
    assert found(NOON + 1, NOON + 10 * 86_400, "refused") == [5, 3]
    assert found(NOON + 10 * 86_400, NOON + 20 * 86_400) == []
    assert found(NOON - 86_400, NOON) == []


def test_a_body_that_is_not_json_is_shown_as_far_as_possible(
    page_local: LocalAmplitude,
    session: requests.Session,
    ask: Ask,
) -> None:
    session.post(page_local.endpoint("http_v2"), data=b"\xff\xfe{")

    shown = ask("/api/requests/1")
    assert (shown["marked"], shown["sent"]["events"], shown["body_kept"]) == (
        [],
        [],
        True,
    )
