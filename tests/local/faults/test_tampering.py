"""Faults that lose, change or double what a 200 has acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.faults import FaultError, Faults
from tests.local.bench import event

if TYPE_CHECKING:
    import requests

    from target_amplitude_nami.local.server import LocalAmplitude

SENT = [
    event(event_type="$identify", insert_id="0", user_id="user-0"),
    *(event(insert_id=str(number), user_id=f"user-{number}") for number in range(1, 5)),
]


def stored(
    local: LocalAmplitude, session: requests.Session, fault: dict[str, Any]
) -> list[dict[str, Any]]:
    """Send events under a fault; return those that are stored."""
    local.set_faults(Faults.from_json({"faults": [fault]}))
    answer = session.post(
        local.endpoint("http_v2"), json={"api_key": "key-1", "events": SENT}
    )
    assert answer.status_code == 200
    assert answer.json()["events_ingested"] == 5
    local.set_faults(Faults())
    return [each.export for each in local.events()]


@pytest.mark.parametrize(
    ("fault", "ids"),
    [
        ({"do": {"drop": 2}}, ["3", "4"]),
        ({"do": {"drop": 9}}, []),
        ({"do": {"drop": 1}, "when": {"user_id": "user-3"}}, ["1", "2", "4"]),
        ({"do": {"double": 1}}, ["1", "2", "3", "4", "1"]),
        (
            {"do": {"double": 1}, "when": {"user_id": "user-2"}},
            ["1", "2", "3", "4", "2"],
        ),
        ({"do": {"drop": 1, "double": 1}}, ["2", "3", "4", "2"]),
    ],
)
def test_other_events_are_stored_than_were_acknowledged(
    local: LocalAmplitude,
    session: requests.Session,
    fault: dict[str, Any],
    ids: list[str],
) -> None:
    assert [each["$insert_id"] for each in stored(local, session, fault)] == ids


def test_an_event_is_stored_with_other_values(
    local: LocalAmplitude, session: requests.Session
) -> None:
    change = {"time": 5, "user_id": "somebody", "event_properties": {"odd": 1}}
    first, second, *_ = stored(local, session, {"do": {"change": change}})
    assert first["event_time"] == "1970-01-01 00:00:00.005000"
    assert first["user_id"] == "somebody"
    assert first["event_properties"] == {"odd": 1}
    assert second["user_id"] == "user-2"


def test_a_lost_event_can_be_sent_again(
    local: LocalAmplitude, session: requests.Session
) -> None:
    stored(local, session, {"do": {"drop": 2}})
    session.post(local.endpoint("http_v2"), json={"api_key": "key-1", "events": SENT})
    ids = [each.export["$insert_id"] for each in local.events()]
    assert ids == ["3", "4", "1", "2"]
    assert [request.events for request in local.requests()] == [3, 5]


@pytest.mark.parametrize("do", [{"drop": 1, "status": 500}, {"double": 0}, {"drop": 0}])
def test_a_refused_request_loses_nothing(do: dict[str, Any]) -> None:
    with pytest.raises(FaultError):
        Faults.from_json({"faults": [{"do": do}]})
