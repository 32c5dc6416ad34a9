"""The page's JSON API, over real HTTP: the state, and questions that make no sense."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.local.asking import T0, at
from tests.local.bench import event

if TYPE_CHECKING:
    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.asking import Ask, Send


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


def test_the_state_describes_the_file_and_its_version_grows_with_each_request(
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


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/api/events?from=yesterday", 400, "`from` must be an integer."),
        ("/api/events?before=x", 400, "`before` must be what a list returned"),
        ("/api/events?limit=many", 400, "`limit` must be"),
        ("/api/requests?status=bad", 400, "`status` must be"),
        ("/api/live?after=x", 400, "`after` must be"),
        ("/api/events/7", 404, "Not found"),
        ("/api/events/x", 404, "Not found"),
        ("/api/events/99999999999999999999999", 404, "Not found"),
        ("/api/users/7", 404, "Not found"),
        ("/api/requests/7", 404, "Not found"),
        ("/api/nothing", 404, "Not found"),
        ("/api/", 404, "Not found"),
    ],
)
def test_a_bad_request_is_answered_with_a_sentence(
    page_local: LocalAmplitude,
    session: requests.Session,
    path: str,
    status: int,
    message: str,
) -> None:
    answer = session.get(page_local.url + path)

    assert answer.status_code == status
    assert message in answer.json()["error"]


def test_a_limit_is_never_more_than_five_hundred(ask: Ask, send: Send) -> None:
    send(*[at(n) for n in range(600)])

    assert len(ask("/api/events", limit=1_000)["events"]) == 500
    assert len(ask("/api/events")["events"]) == 100
    assert len(ask("/api/events", limit=-3)["events"]) == 1
