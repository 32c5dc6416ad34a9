"""Many events: the page is answered without a look at all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
import requests

from target_amplitude_nami.local.queries.reader import Reader
from target_amplitude_nami.local.server import LocalAmplitude
from tests.local import crowd

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

EVENTS: Final = 20_000
OVER_ALL_EVENTS: Final = ("/api/overview", "/api/subscriptions")
MOST_STEPS: Final = 5 * EVENTS
"""For a list: far fewer than a look at each event takes.

Lists of users look at those with changes that wait; in a file of this size, at all.
"""
MOST_STEPS_AN_EVENT: Final = 30
_STEPS_AT_A_TIME: Final = 100


@pytest.fixture
def count_steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return what gives the steps of SQLite's machine since it was last asked."""
    steps = 0
    connect = Reader.connect

    def counting(reader: Reader) -> sqlite3.Connection:
        connection = connect(reader)
        connection.set_progress_handler(count, _STEPS_AT_A_TIME)
        return connection

    def count() -> int:
        nonlocal steps
        steps += _STEPS_AT_A_TIME
        return 0  # Go on.

    def taken() -> int:
        nonlocal steps
        taken, steps = steps, 0
        return taken

    monkeypatch.setattr(Reader, "connect", counting)
    return taken


@pytest.mark.slow
def test_no_list_looks_at_every_event(
    tmp_path: Path, count_steps: Callable[[], int]
) -> None:
    path = tmp_path / "local.db"
    crowd.fill(path, EVENTS, users=EVENTS // 5)
    steps = {}

    with LocalAmplitude(path) as local, requests.Session() as session:
        session.trust_env = False
        for asked in crowd.paths():
            count_steps()
            assert session.get(local.url + asked).ok
            steps[asked] = count_steps()

    limits = {
        asked: MOST_STEPS_AN_EVENT * EVENTS
        if asked.startswith(OVER_ALL_EVENTS)
        else MOST_STEPS
        for asked in steps
    }
    assert {asked: n for asked, n in steps.items() if n > limits[asked]} == {}
    assert steps["/api/overview"] > EVENTS
