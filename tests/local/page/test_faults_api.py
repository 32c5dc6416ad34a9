"""Faults that are switched while the server runs."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.faults import Faults
from target_amplitude_nami.local.faults.injector import FaultInjector
from target_amplitude_nami.local.faults.presets import PRESETS
from tests.local.bench import event

if TYPE_CHECKING:
    import requests

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.conftest import MakeLocal

HEADERS = {"X-Local-Amplitude": "1"}
DOWN = {"do": {"status": 503}}


class Switchboard:
    """Switches faults as the page does."""

    def __init__(self, local: LocalAmplitude, session: requests.Session) -> None:
        self._local = local
        self._session = session

    def get(self) -> dict[str, Any]:
        document: dict[str, Any] = self._session.get(self._url()).json()
        return document

    def put(self, *rules: object) -> requests.Response:
        return self._session.put(
            self._url(),
            json={"rules": list(rules)},
            headers=HEADERS,
        )

    def switch(self, name: str, enabled: object) -> requests.Response:
        return self._session.post(
            self._url(f"/{name}"),
            json={"enabled": enabled},
            headers=HEADERS,
        )

    def statuses(self, count: int) -> list[int]:
        """Return what so many requests to Amplitude are answered."""
        upload = {"api_key": "key-1", "events": [event()]}
        url = self._local.endpoint("http_v2")
        return [self._session.post(url, json=upload).status_code for _ in range(count)]

    def _url(self, more: str = "") -> str:
        return f"{self._local.url}/api/faults{more}"


@pytest.fixture
def board(local: LocalAmplitude, session: requests.Session) -> Switchboard:
    return Switchboard(local, session)


def test_without_faults_there_are_only_presets(board: Switchboard) -> None:
    document = board.get()

    assert document["rules"] == []
    assert [preset["name"] for preset in document["presets"]] == [
        preset.name for preset in PRESETS
    ]


def test_faults_are_set_counted_and_taken_away(board: Switchboard) -> None:
    answer = board.put({**DOWN, "name": "down", "when": {"every": 2}})

    assert answer.status_code == 200
    assert answer.json()["rules"] == [
        {
            "do": {"status": 503},
            "when": {"every": 2},
            "times": None,
            "name": "down",
            "id": "1",
            "enabled": True,
            "hits": 0,
        },
    ]
    assert board.statuses(4) == [200, 503, 200, 503]
    assert board.get()["rules"][0]["hits"] == 2
    board.put()
    assert board.statuses(2) == [200, 200]


def test_a_fault_is_switched_off_and_on(board: Switchboard) -> None:
    board.put(DOWN)

    off = board.switch("1", enabled=False)
    assert off.json()["rules"][0]["enabled"] is False
    assert board.statuses(1) == [200]
    board.switch("1", enabled=True)
    assert board.statuses(1) == [503]


def test_what_was_got_can_be_put_back(board: Switchboard) -> None:
    board.put({**DOWN, "times": 1}, {"do": {"status": 429, "json": {}}, "id": "mine"})
    assert board.statuses(1) == [503]
    before = board.get()["rules"]

    after = board.put(*before).json()["rules"]

    assert after == before
    assert [rule["hits"] for rule in after] == [1, 0]
    assert [rule["id"] for rule in after] == ["1", "mine"]
    assert board.statuses(1) == [429]


def test_a_changed_fault_begins_anew(board: Switchboard) -> None:
    board.put({**DOWN, "id": "a"})
    board.statuses(2)

    [rule] = board.put({**DOWN, "id": "a", "times": 1}).json()["rules"]

    assert rule["hits"] == 0
    assert board.statuses(2) == [503, 200]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"do": {}}, "is needed"),
        ({"do": {"status": 99}}, "Expected `int` >= 200"),
        ({**DOWN, "colour": "red"}, "unknown field `colour`"),
        ("down", "Expected `object`"),
        ({"do": {"read_rate": 9}, "when": {"user_id": "user-1"}}, "before the body"),
    ],
)
def test_a_bad_rule_is_refused_with_a_reason_and_changes_nothing(
    board: Switchboard,
    rule: object,
    message: str,
) -> None:
    board.put(DOWN)

    answer = board.put(DOWN, rule)

    assert answer.status_code == 400
    assert message in answer.json()["error"]
    assert len(board.get()["rules"]) == 1


def test_an_id_is_given_to_one_fault_only(board: Switchboard) -> None:
    answer = board.put({**DOWN, "id": "a"}, {**DOWN, "id": "a"})

    assert answer.status_code == 400
    assert "each `id`" in answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"rules": 1}', b'{"faults": []}'])
def test_a_body_that_is_not_a_list_of_rules_is_refused(
    local: LocalAmplitude,
    session: requests.Session,
    body: bytes,
) -> None:
    answer = session.put(local.url + "/api/faults", data=body, headers=HEADERS)

    assert answer.status_code == 400
    assert answer.json()["error"]


def test_a_body_without_end_is_not_read_to_its_end(
    local: LocalAmplitude,
    session: requests.Session,
) -> None:
    answer = session.put(
        local.url + "/api/faults",
        data=b" " * 2_000_000,
        headers=HEADERS,
    )

    assert answer.status_code == 413


def test_only_a_fault_that_is_there_can_be_switched(board: Switchboard) -> None:
    board.put(DOWN)

    assert board.switch("7", enabled=True).status_code == 404
    assert board.switch("1", "yes").status_code == 400


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_every_preset_can_be_switched_on_as_it_is(
    board: Switchboard,
    preset: Any,
) -> None:
    rules = {p["name"]: p["rule"] for p in board.get()["presets"]}

    answer = board.put(rules[preset.name])

    assert answer.status_code == 200
    [rule] = answer.json()["rules"]
    assert rule["name"] == preset.title


def test_faults_of_the_start_are_shown_too(
    make_local: MakeLocal,
    session: requests.Session,
) -> None:
    script = Faults.from_json({"faults": [DOWN, {"do": {"cut": True}, "id": "cut"}]})
    board = Switchboard(make_local(faults=script), session)

    assert [rule["id"] for rule in board.get()["rules"]] == ["1", "cut"]


def test_a_generated_id_is_not_in_use() -> None:
    injector = FaultInjector(Faults.from_json({"faults": [DOWN, {**DOWN, "id": "1"}]}))

    assert [fault.id for fault, _ in injector.hits()] == ["2", "1"]


def test_a_body_is_read_at_the_rate_of_a_fault(
    local: LocalAmplitude,
    session: requests.Session,
) -> None:
    local.set_faults(Faults.from_json({"faults": [{"do": {"read_rate": 1_000_000}}]}))
    large = event(event_properties={"text": "x" * 400_000})
    upload = {"api_key": "key-1", "events": [large]}
    start = time.perf_counter()

    answer = session.post(local.endpoint("http_v2"), json=upload)

    assert answer.ok
    assert time.perf_counter() - start > 0.4
    [logged] = local.requests()
    assert logged.fault == "read 1000000 bytes/s"


def test_a_request_that_is_read_slowly_is_struck_by_no_other_fault(
    board: Switchboard,
) -> None:
    board.put(DOWN, {"do": {"read_rate": 10**6}})

    assert board.statuses(1) == [200]
    assert [rule["hits"] for rule in board.get()["rules"]] == [0, 1]


def test_a_fault_may_read_slowly_and_give_an_answer(
    local: LocalAmplitude,
    session: requests.Session,
) -> None:
    local.set_faults(
        Faults.from_json({"faults": [{"do": {"read_rate": 10**6, "status": 500}}]})
    )
    upload = {"api_key": "key-1", "events": [event()]}

    answer = session.post(local.endpoint("http_v2"), json=upload)

    assert answer.status_code == 500
    assert local.summary().total == 0
