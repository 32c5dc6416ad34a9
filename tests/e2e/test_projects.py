"""A project is its API key, wherever it is reached; a local one is its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.server import LocalAmplitude
from tests.support.run_target import API_KEY
from tests.support.story import change, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.story import House

RECORDS = [change(2, 2, "monthly"), shown(3, 3)]
ANOTHER_KEY = "fedcba9876543210fedcba9876543210"


def delivered(house: House, **settings: Any) -> int:
    """Run the target over the records; return how many of them it delivered."""
    report = house.run(RECORDS, **settings).report
    assert report["delivered"] + report["duplicate"] == len(RECORDS)
    return int(report["delivered"])


@pytest.fixture
def relay(house: House) -> Iterator[LocalAmplitude]:
    with LocalAmplitude(house.folder / "relay.db") as relay:
        yield relay


def test_a_project_has_what_was_sent_there_by_another_host_or_api(
    house: House, relay: LocalAmplitude
) -> None:
    assert delivered(house) == 2
    by_name = house.local.endpoint("http_v2").replace("127.0.0.1", "localhost")
    assert "localhost" in by_name
    assert delivered(house, endpoint=by_name) == 0
    assert delivered(house, api="batch") == 0
    assert delivered(house, endpoint=relay.endpoint("http_v2")) == 0
    assert list(relay.events()) == []


def test_a_user_was_told_the_same_whatever_the_way_to_the_project(
    house: House, relay: LocalAmplitude
) -> None:
    house.run([change(4, 4, "yearly")])
    house.run([change(2, 2, "monthly")], endpoint=relay.endpoint("batch"), api="batch")
    [event] = relay.events()
    assert event.sent["$skip_user_properties_sync"] is True


def test_another_key_is_another_project_at_the_same_place(house: House) -> None:
    assert delivered(house) == 2
    assert delivered(house, api_key=ANOTHER_KEY) == 2
    assert delivered(house, api_key=ANOTHER_KEY) == 0
    assert delivered(house) == 0


def test_no_key_is_in_the_memory_file(house: House) -> None:
    house.run(RECORDS, sandbox_api_key=ANOTHER_KEY)
    for key in (API_KEY, ANOTHER_KEY):
        for form in (key.encode(), key.upper().encode(), bytes.fromhex(key)):
            assert form not in (house.folder / "memory.db").read_bytes()


def test_the_local_project_is_its_file(house: House) -> None:
    first, second = house.folder / "first.db", house.folder / "second.db"
    house.settings |= {"endpoint": "local", "api_key": None}
    assert delivered(house, local_path="first.db") == 2
    assert delivered(house, local_path="first.db") == 0
    assert delivered(house, local_path="second.db") == 2
    (house.folder / "link.db").symlink_to("first.db")
    assert delivered(house, local_path="link.db") == 0
    assert delivered(house, local_path=str(first)) == 0
    first.unlink()
    assert delivered(house, local_path="first.db") == 2  # afresh, in a new file
    assert delivered(house, local_path="first.db") == 0
    assert delivered(house, local_path=str(second)) == 0


def test_what_a_local_file_has_no_amplitude_has(house: House) -> None:
    assert delivered(house, endpoint="local", local_path="first.db") == 2
    assert delivered(house) == 2


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 0),
        ({"api_key": ANOTHER_KEY}, 2),
        ({"api_key": None}, 2),  # what it is for is not said: nothing is there
    ],
)
def test_a_dry_run_shows_what_the_project_of_its_key_lacks(
    house: House, settings: dict[str, Any], expected: int
) -> None:
    assert delivered(house) == 2
    assert delivered(house, dry_run=True, **settings) == expected
    assert delivered(house) == 0
