"""The local User Privacy API: what it deletes, answers and refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.local.bench import event

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.local.conftest import MakeLocal

NOON = 1_795_950_000.0  # 29 November 2026
DAY = 86_400
PATH = "/api/2/deletions/users"
KEYS = ("the-key", "the-secret")


class Clock:
    """The server's time; every look takes two seconds."""

    def __init__(self) -> None:
        self.now = NOON
        self.step = 2.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def local(make_local: MakeLocal, clock: Clock) -> LocalAmplitude:
    local = make_local(now=clock, keys=["the-key/the-secret", "other/secret"])
    for key in ("the-key", "other"):
        sent = requests.post(
            local.endpoint("http_v2"),
            json={
                "api_key": key,
                "events": [
                    event(user_id="user-1", device_id="device-1", insert_id="1"),
                    event(user_id="user-2", device_id="device-2", insert_id="2"),
                ],
            },
            timeout=5,
        )
        assert sent.status_code == 200
    return local


def delete(
    local: LocalAmplitude, document: Any, auth: tuple[str, str] | None = KEYS
) -> requests.Response:
    return requests.post(local.url + PATH, json=document, auth=auth, timeout=5)


def jobs(local: LocalAmplitude, **days: str) -> requests.Response:
    return requests.get(local.url + PATH, params=days, auth=KEYS, timeout=5)


def test_a_users_events_are_gone_from_one_project(local: LocalAmplitude) -> None:
    answer = delete(local, {"user_ids": ["user-1"], "requester": "somebody"})
    assert answer.status_code == 200
    assert answer.json() == [
        {
            "day": "2026-12-10",
            "status": "staging",
            "amplitude_ids": [
                {
                    "amplitude_id": 1,
                    "requested_on_day": "2026-11-29",
                    "requester": "somebody",
                }
            ],
        }
    ]
    summary = local.summary()
    assert (summary.total, summary.users) == (3, 3)
    assert sorted(each.sent["user_id"] for each in local.events()) == [
        "user-1",
        "user-2",
        "user-2",
    ]


def test_events_that_come_afterwards_are_of_a_new_user(local: LocalAmplitude) -> None:
    delete(local, {"user_ids": ["user-1"]})
    again = {"api_key": "the-key", "events": [event(user_id="user-1", insert_id="1")]}
    requests.post(local.endpoint("http_v2"), json=again, timeout=5)
    summary = local.summary()
    assert (summary.total, summary.users, summary.duplicates) == (4, 4, 0)


def test_jobs_go_through_their_statuses(local: LocalAmplitude, clock: Clock) -> None:
    assert jobs(local, start_day="2026-11-01", end_day="2026-12-31").json() == []
    delete(local, {"user_ids": ["user-1"]})
    found = []
    for _ in range(12):
        answer = jobs(local, start_day="2026-12-10", end_day="2026-12-10")
        found += [job["status"] for job in answer.json()]
        clock.now += DAY
    assert found == ["staging"] * 8 + ["submitted"] * 3 + ["done"]


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({"user_ids": ["user-1", "nobody"]}, "unknown"),
        ({"user_ids": ["nobody"], "ignore_invalid_id": "false"}, "unknown"),
        ({"user_ids": ["user-1"], "ignore_invalid_id": True}, "as text"),
        ({"user_ids": ["user-1"], "delete_from_org": "true"}, "one project"),
        ({"user_ids": [f"user-{n}" for n in range(101)]}, "more than 100"),
        ({"user_ids": []}, "is needed"),
        ({"user_ids": "user-1"}, "not a list"),
        ({"user_ids": [None]}, "not a list"),
        (["user-1"], "not a JSON object"),
    ],
)
def test_a_request_that_is_refused_deletes_nothing(
    local: LocalAmplitude, document: Any, error: str
) -> None:
    answer = delete(local, document)
    assert answer.status_code == 400
    assert error in answer.json()["error"]
    assert local.summary().total == 4


def test_unknown_ids_can_be_ignored(local: LocalAmplitude) -> None:
    answer = delete(
        local, {"user_ids": ["user-1", "nobody"], "ignore_invalid_id": "true"}
    )
    assert answer.status_code == 200
    assert answer.json()[0]["invalid_ids"] == ["nobody"]
    assert local.summary().total == 3


def test_a_request_of_unknown_ids_alone_is_in_no_job(local: LocalAmplitude) -> None:
    answer = delete(local, {"user_ids": ["nobody"], "ignore_invalid_id": "true"})
    [job] = answer.json()
    assert (job["amplitude_ids"], job["invalid_ids"]) == ([], ["nobody"])


def test_users_can_be_named_by_amplitudes_own_ids(local: LocalAmplitude) -> None:
    assert delete(local, {"amplitude_ids": [1, 2]}).status_code == 200
    assert delete(local, {"amplitude_ids": [3]}).status_code == 400  # other project
    assert local.summary().total == 2


@pytest.mark.parametrize(
    ("auth", "status"),
    [(None, 401), (("the-key", "wrong"), 403), (("wrong", "the-secret"), 403)],
)
def test_both_keys_are_needed(
    local: LocalAmplitude, auth: tuple[str, str] | None, status: int
) -> None:
    assert delete(local, {"user_ids": ["user-1"]}, auth).status_code == status
    assert local.summary().total == 4


def test_there_may_be_one_request_a_second(local: LocalAmplitude, clock: Clock) -> None:
    clock.step = 0.1
    assert delete(local, {"user_ids": ["user-1"]}).status_code == 200
    assert delete(local, {"user_ids": ["user-2"]}).status_code == 429
    clock.now += 1
    assert delete(local, {"user_ids": ["user-2"]}).status_code == 200


@pytest.mark.parametrize(
    "days",
    [
        {},
        {"start_day": "2026-11-01"},
        {"start_day": "2026-11-01", "end_day": "yesterday"},
        {"start_day": "2026-11-02", "end_day": "2026-11-01"},
        {"start_day": "2026-01-01", "end_day": "2026-11-01"},
    ],
)
def test_jobs_are_listed_for_some_days(
    local: LocalAmplitude, days: dict[str, str]
) -> None:
    assert jobs(local, **days).status_code == 400


def test_no_byte_of_the_user_is_in_the_log_of_writes(
    local: LocalAmplitude, tmp_path: Path
) -> None:
    for keys in (KEYS, ("other", "secret")):
        assert delete(local, {"user_ids": ["user-1"]}, keys).status_code == 200
    written = [path.read_bytes() for path in tmp_path.glob("local-0.db*")]
    assert not any(b'"user-1"' in each for each in written)
    assert any(b'"user-2"' in each for each in written)
