"""Which events each project has."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.memory import HALF_AN_EMOJI, leave, remember

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.memory import Memory

_DAY = 86_400


def among(path: Path, *insert_ids: str) -> set[str]:
    """Return which of these a later run knows, by both of its ways to ask."""
    memory = remember(path)
    try:
        known = memory.delivered_among("main", insert_ids)
        memory.prepare(set(), set(insert_ids))
        assert known == {
            insert_id
            for insert_id in insert_ids
            if memory.was_delivered_before("main", insert_id)
        }
        return known
    finally:
        memory.close()


@pytest.mark.parametrize(
    "insert_id", ["event", 'a"b\\', "a\0b", HALF_AN_EMOJI, "ü", ""]
)
def test_a_delivered_event_is_known_again(memory: Memory, insert_id: str) -> None:
    assert memory.delivered_among("main", [insert_id, "other"]) == set()
    memory.settle("main", [insert_id], [])
    assert memory.delivered_among("main", [insert_id, "other"]) == {insert_id}


@pytest.mark.parametrize("insert_id", ["event", 'a"b\\', HALF_AN_EMOJI, ""])
def test_a_later_run_knows_it_before_it_is_sent(path: Path, insert_id: str) -> None:
    leave(path, lambda memory: memory.settle("main", [insert_id], []))
    assert among(path, insert_id, "other") == {insert_id}


def test_what_the_last_question_was_not_about_is_looked_up_by_itself(
    path: Path,
) -> None:
    leave(path, lambda memory: memory.settle("main", ["event"], []))
    memory = remember(path)
    memory.prepare(set(), {"other"})
    assert memory.was_delivered_before("main", "event")
    memory.close()


def test_each_project_has_events_of_its_own(path: Path) -> None:
    leave(path, lambda memory: memory.settle("sandbox", ["event"], []))
    memory = remember(path)
    memory.prepare(set(), {"event"})
    assert memory.delivered_among("main", ["event"]) == set()
    assert not memory.was_delivered_before("main", "event")
    assert memory.delivered_among("sandbox", ["event"]) == {"event"}
    assert memory.was_delivered_before("sandbox", "event")
    memory.close()


def test_a_project_is_known_by_what_names_it(path: Path) -> None:
    leave(path, lambda memory: memory.settle("sandbox", ["event"], []))
    for projects, expected in (
        ({"main": "other", "sandbox": "third"}, set()),
        ({"main": "test"}, {"event"}),  # the sandbox's of before
    ):
        memory = remember(path, projects=projects)
        assert memory.delivered_among("main", ["event"]) == expected
        memory.close()


@pytest.mark.parametrize(("days_later", "is_known"), [(89, True), (92, False)])
def test_delivered_events_are_forgotten_after_their_days(
    path: Path, monkeypatch: pytest.MonkeyPatch, days_later: int, *, is_known: bool
) -> None:
    leave(path, lambda memory: memory.settle("main", ["event"], []))
    _let_pass(monkeypatch, days_later)
    assert among(path, "event") == ({"event"} if is_known else set())


def test_the_days_count_from_the_last_time_that_an_event_was_seen(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        leave(path, lambda memory: memory.settle("main", ["event"], []))
        _let_pass(monkeypatch, 60)
        assert among(path, "event") == {"event"}


def test_events_are_found_beside_a_great_many(memory: Memory, path: Path) -> None:
    ids = [f"event-{number}" for number in range(50_000)]
    for start in range(0, len(ids), 2_000):
        memory.settle("main", ids[start : start + 2_000], [])
        if memory.wants_commit:
            memory.commit()
    memory.commit()
    asked = [*ids[::5_000], "other"]
    assert memory.delivered_among("main", asked) == set(ids[::5_000])
    if path.exists():
        memory.settle("main", ids[:10], [])  # once more: no second row
        memory.commit()
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT count(*) FROM delivered").fetchone() == (
            len(ids),
        )
        connection.close()


def _let_pass(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    later = time.time() + days * _DAY
    monkeypatch.setattr("target_amplitude_nami.memory.time.time", lambda: later)
