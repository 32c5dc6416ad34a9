"""Real runs beside users who have to wait, and beside records that fill the memory."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.delivery.delivery import MOST_BYTES_UNSETTLED
from target_amplitude_nami.local.faults import Do, Fault, Faults, When
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami, singer
from tests.support.run_target import API_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.support.zygote import Running, Zygote

PATIENCE_SECONDS = 60
OF_THE_PACED = 1_500
SHARE = 300
"""How many events of one user may leave at once."""
THROTTLED = nami.external_id(1)
PACED = nami.external_id(2)
MANY_CHANGES_OF_NAMES = 10_001


def throttles(user_id: str) -> Faults:
    """Let Amplitude throttle a user for ever."""
    answer = {
        "code": 429,
        "error": "Too many requests for some devices and users",
        "eps_threshold": 30,
        "throttled_users": {user_id: 31},
    }
    return Faults((Fault(when=When(user_id=user_id), do=Do(status=429, json=answer)),))


class Place:
    """A local Amplitude that throttles one user, and runs that deliver to it."""

    def __init__(self, folder: Path, zygote: Zygote, local: LocalAmplitude) -> None:
        self._folder, self._zygote, self.local = folder, zygote, local

    def start(self, records: Sequence[dict[str, Any]], **settings: Any) -> Running:
        path = self._folder / "input.singer"
        path.write_bytes(b"".join(singer.records("events", records)))
        endpoint = self.local.endpoint("http_v2")
        config = {"api_key": API_KEY, "endpoint": endpoint, "shutdown_grace": 0}
        with path.open("rb") as file:
            return self._zygote.run(
                self._folder / "run", config | settings, file.fileno()
            )

    @property
    def delivered(self) -> set[str]:
        return {event.sent["insert_id"] for event in self.local.events()}

    def wait_until_delivered(self, ids: set[str], run: Running) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while self.local.summary().total < len(ids) or not ids <= self.delivered:
            assert run.wait(0.1) is None, run.log
            assert time.monotonic() < until, run.log


@pytest.fixture
def place(tmp_path: Path, zygote: Zygote) -> Iterator[Place]:
    faults = throttles(THROTTLED)
    with LocalAmplitude(tmp_path / "amplitude.db", faults=faults) as local:
        yield Place(tmp_path, zygote, local)


def ids_of(records: Sequence[dict[str, Any]]) -> set[str]:
    return {record["id"] for record in records}


def of_user(user: int, number: int) -> dict[str, Any]:
    """Return an event of this number of this user."""
    return nami.subscription(user) | {"id": nami.event_id(number)}


def stop(run: Running) -> None:
    run.kill(signal.SIGTERM)
    assert run.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM, run.log


@pytest.mark.parametrize(
    ("lanes", "anonymous_users"),
    [(1, "device"), (4, "device"), (16, "device"), (4, "nami_user_id")],
)
def test_others_arrive_while_one_is_throttled_and_one_is_paced(
    lanes: int, anonymous_users: str, place: Place
) -> None:
    others: list[dict[str, Any]] = []
    records: list[dict[str, Any]] = []
    for number in range(1, 9_001):
        if number % 18 == 1:
            records.append(of_user(1, number))
        elif number % 6 == 2:
            records.append(of_user(2, number))
        else:
            make = nami.impression if number % 3 else nami.subscription
            others.append(make(number))
            records.append(others[-1])
    run = place.start(records, parallel_requests=lanes, anonymous_users=anonymous_users)
    assert len(others) == 7_000
    place.wait_until_delivered(ids_of(others), run)
    stop(run)
    users = [event.sent.get("user_id") for event in place.local.events()]
    assert THROTTLED not in users
    assert users.count(PACED) % SHARE == 0
    assert users.count(PACED) < OF_THE_PACED


def test_many_changes_of_names_let_no_event_overtake_one_that_waits(
    place: Place,
) -> None:
    def renamed(number: int, name: int) -> dict[str, Any]:
        names = nami.subscription(name)["external_ids"]
        record = nami.subscription(number, external_ids=names, devices=None)
        return record | {"id": nami.event_id(10 * number + name % 10)}

    waits, behind = renamed(1, 1), renamed(1, 3)
    others = [
        renamed(number, 10 * number + change)
        for number in range(10, 10 + MANY_CHANGES_OF_NAMES)
        for change in (4, 5)
    ]
    run = place.start([waits, *others, behind], max_request_bytes=200_000)
    place.wait_until_delivered(ids_of(others), run)
    assert place.delivered.isdisjoint(ids_of([waits, behind]))
    stop(run)
    assert place.delivered.isdisjoint(ids_of([waits, behind]))


@pytest.mark.parametrize("lanes", [1, 4])
def test_a_huge_first_record_is_delivered_with_those_behind_it(
    lanes: int, place: Place
) -> None:
    huge = nami.impression(10, note="x" * MOST_BYTES_UNSETTLED)
    records = [huge, *(nami.impression(number) for number in range(11, 21))]
    run = place.start(records, parallel_requests=lanes)
    assert run.wait(PATIENCE_SECONDS) == 0, run.log
    assert place.delivered == ids_of(records)
