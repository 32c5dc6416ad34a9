"""A project is its API key, wherever it is reached; a local one is its file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.server import LocalAmplitude
from tests.support.run_target import API_KEY
from tests.support.story import change, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.story import RunHarness

RECORDS = [change(2, 2, "monthly"), shown(3, 3)]
ANOTHER_KEY = "fedcba9876543210fedcba9876543210"


def delivered(harness: RunHarness, **settings: Any) -> int:
    """Run the target over the records; return how many of them it delivered."""
    report = harness.run(RECORDS, **settings).report
    assert report["delivered"] + report["duplicate"] == len(RECORDS)
    return int(report["delivered"])


@pytest.fixture
def relay(harness: RunHarness) -> Iterator[LocalAmplitude]:
    with LocalAmplitude(harness.folder / "relay.db") as relay:
        yield relay


def test_a_project_has_what_was_sent_there_by_another_host_or_api(
    harness: RunHarness, relay: LocalAmplitude
) -> None:
    assert delivered(harness) == 2
    by_name = harness.local.endpoint("http_v2").replace("127.0.0.1", "localhost")
    assert "localhost" in by_name
    assert delivered(harness, endpoint=by_name) == 0
    assert delivered(harness, api="batch") == 0
    assert delivered(harness, endpoint=relay.endpoint("http_v2")) == 0
    assert list(relay.events()) == []


def test_a_state_was_sent_by_whatever_route_the_project_was_reached(
    harness: RunHarness, relay: LocalAmplitude
) -> None:
    harness.run([change(4, 4, "yearly")])
    harness.run(
        [change(2, 2, "monthly")], endpoint=relay.endpoint("batch"), api="batch"
    )
    [event] = relay.events()
    assert event.sent["$skip_user_properties_sync"] is True


def test_another_key_is_another_project_at_the_same_place(harness: RunHarness) -> None:
    assert delivered(harness) == 2
    assert delivered(harness, api_key=ANOTHER_KEY) == 2
    assert delivered(harness, api_key=ANOTHER_KEY) == 0
    assert delivered(harness) == 0


def test_no_key_is_in_the_memory_file(harness: RunHarness) -> None:
    harness.run(RECORDS, sandbox_api_key=ANOTHER_KEY)
    for key in (API_KEY, ANOTHER_KEY):
        for form in (key.encode(), key.upper().encode(), bytes.fromhex(key)):
            assert form not in (harness.folder / "memory.db").read_bytes()


def test_the_local_project_is_its_file(harness: RunHarness) -> None:
    first, second = harness.folder / "first.db", harness.folder / "second.db"
    harness.settings |= {"endpoint": "local", "api_key": None}
    assert delivered(harness, local_path="first.db") == 2
    assert delivered(harness, local_path="first.db") == 0
    assert delivered(harness, local_path="second.db") == 2
    (harness.folder / "link.db").symlink_to("first.db")
    assert delivered(harness, local_path="link.db") == 0
    assert delivered(harness, local_path=str(first)) == 0
    first.unlink()
    assert delivered(harness, local_path="first.db") == 2  # afresh, in a new file
    assert delivered(harness, local_path="first.db") == 0
    assert delivered(harness, local_path=str(second)) == 0


def test_what_a_local_file_has_no_amplitude_has(harness: RunHarness) -> None:
    assert delivered(harness, endpoint="local", local_path="first.db") == 2
    assert delivered(harness) == 2


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 0),
        ({"api_key": ANOTHER_KEY}, 2),
        ({"api_key": None}, 2),  # no key, no project: nothing is there
    ],
)
def test_a_dry_run_shows_what_the_project_of_its_key_lacks(
    harness: RunHarness, settings: dict[str, Any], expected: int
) -> None:
    assert delivered(harness) == 2
    assert delivered(harness, dry_run=True, **settings) == expected
    assert delivered(harness) == 0
