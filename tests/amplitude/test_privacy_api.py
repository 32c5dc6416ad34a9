"""The User Privacy API, against the local Amplitude and answers that may come."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
import requests

from target_amplitude_nami.amplitude import privacy_api
from target_amplitude_nami.amplitude.account_api import AccountApi
from target_amplitude_nami.amplitude.account_connection import Account
from target_amplitude_nami.errors import RequestFailed
from target_amplitude_nami.local.faults import Faults
from target_amplitude_nami.local.server import LocalAmplitude

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USERS = [f"user-{number}" for number in range(101)]


class Clock:
    """The server's time, which waiting sets on."""

    now = 1_795_950_000.0
    waited: list[float]

    def __init__(self) -> None:
        self.waited = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waited.append(seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def local(tmp_path: Path, clock: Clock) -> Iterator[LocalAmplitude]:
    with LocalAmplitude(tmp_path / "local.db", now=clock, keys=["key/secret"]) as local:
        yield local


@pytest.fixture
def api(local: LocalAmplitude) -> Iterator[AccountApi]:
    account = Account(
        base_url=local.url, api_key="key", secret_key="secret", retry_for=0.0
    )
    with AccountApi(account) as api:
        yield api


def answer(local: LocalAmplitude, status: int, body: str) -> None:
    """Have the API answer so, whatever it is asked."""
    fault = {
        "when": {"path": privacy_api.PATH},
        "do": {"status": status, "raw": body, "content_type": "application/json"},
    }
    local.set_faults(Faults.from_json({"faults": [fault]}))


def test_many_users_are_deleted_one_request_a_second(
    local: LocalAmplitude, api: AccountApi, clock: Clock
) -> None:
    events = [{"user_id": each, "event_type": "e"} for each in USERS]
    body: dict[str, Any] = {"api_key": "key", "events": events}
    requests.post(local.endpoint("http_v2"), json=body, timeout=5).raise_for_status()
    asked = privacy_api.requests_for([*USERS, "unknown"], "somebody")
    assert [each["user_ids"] for each in asked] == [
        USERS[:100],
        [*USERS[100:], "unknown"],
    ]
    assert all(each["ignore_invalid_id"] == "true" for each in asked)
    jobs = privacy_api.delete(api, asked, sleep=clock.sleep)
    assert clock.waited == [1.0]
    assert jobs[-1].invalid_ids == ["unknown"]
    assert local.summary().users == 0
    clock.sleep(1)
    today = dt.datetime.fromtimestamp(clock.now, dt.UTC).date()
    [job] = privacy_api.jobs_around(api, today)
    assert (job.status, len(job.amplitude_ids)) == ("staging", 101)
    assert {each.requester for each in job.amplitude_ids} == {"somebody"}


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, '{"error": "no such ids"}', "refuses the deletion (400): "),
        (401, "", "refuses the keys"),
        (200, "<html>", "something other than deletion jobs"),
        (200, '{"day": 7, "status": []}', "something other than deletion jobs"),
        (500, "", "try again later"),
    ],
)
def test_an_answer_that_is_no_job_is_a_failure(
    local: LocalAmplitude, api: AccountApi, status: int, body: str, message: str
) -> None:
    answer(local, status, body)
    with pytest.raises(RequestFailed) as error:
        privacy_api.delete(api, privacy_api.requests_for(["user-1"], "somebody"))
    assert message in str(error.value)
    assert "secret" not in str(error.value).replace("secret_key", "")


def test_one_job_may_come_without_a_list(
    local: LocalAmplitude, api: AccountApi
) -> None:
    answer(local, 200, '{"day":"2026-12-10","status":"staging","amplitude_ids":[]}')
    jobs = privacy_api.delete(api, privacy_api.requests_for(["user-1"], "somebody"))
    assert jobs == [privacy_api.Job("2026-12-10", "staging")]
