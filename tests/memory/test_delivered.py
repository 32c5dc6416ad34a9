"""Which events each project has."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.memory import Told, mark_of
from target_amplitude_nami.nami.values import epoch_ms
from tests.support.memory import EVENT, HALF_AN_EMOJI, OTHER, leave, remember

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.memory import Mark, Memory

_DAY = 86_400


def among(path: Path, *marks: Mark) -> set[Mark]:
    """Return which of these a later run knows, by both of its ways to ask."""
    memory = remember(path)
    try:
        known = memory.delivered_among("main", marks)
        memory.prepare(set(), set(marks))
        assert known == {
            mark for mark in marks if memory.was_delivered_before("main", mark)
        }
        return known
    finally:
        memory.close()


@pytest.mark.parametrize(
    "insert_id", ["event", 'a"b\\', "a\0b", HALF_AN_EMOJI, "ü", ""]
)
def test_a_delivered_event_is_known_again(memory: Memory, insert_id: str) -> None:
    mark = mark_of(insert_id, 1)
    assert memory.delivered_among("main", [mark, OTHER]) == set()
    memory.settle("main", [mark], [])
    assert memory.delivered_among("main", [mark, OTHER]) == {mark}


@pytest.mark.parametrize("insert_id", ["event", 'a"b\\', HALF_AN_EMOJI, ""])
def test_a_later_run_knows_it_before_it_is_sent(path: Path, insert_id: str) -> None:
    mark = mark_of(insert_id, 1)
    leave(path, lambda memory: memory.settle("main", [mark], []))
    assert among(path, mark, OTHER) == {mark}


@pytest.mark.parametrize(
    "time", [None, 0, -1, 946_684_800_000, 1_717_000_000_000, 10**15, 10**19]
)
def test_an_event_of_any_time_is_known_again(path: Path, time: int | None) -> None:
    mark = mark_of("event", time)
    leave(path, lambda memory: memory.settle("main", [mark], []))
    assert among(path, mark, mark_of("other", time)) == {mark}
    assert Told(mark=mark).insert_id == "event"


_MORNING = "2026-03-01T00:00:30.700"


@pytest.mark.parametrize(
    "told_again",
    ["2026-03-01T00:00:30", "2026-03-01T00:00:31", "2026-02-28T18:00:30", "2026-03-01"],
    ids=["seconds cut off", "seconds rounded", "zone lost", "date only"],
)
@pytest.mark.parametrize("is_prepared", [False, True])
def test_another_tap_may_tell_the_time_of_an_event_otherwise(
    path: Path, told_again: str, *, is_prepared: bool
) -> None:
    mark, again = (
        mark_of("event", epoch_ms(time, "time")) for time in (_MORNING, told_again)
    )
    leave(path, lambda memory: memory.settle("main", [mark], []))
    memory = remember(path)
    if is_prepared:
        memory.prepare(set(), {again})
    assert memory.was_delivered_before("main", again)
    memory.close()


def test_what_the_last_question_was_not_about_is_looked_up_by_itself(
    path: Path,
) -> None:
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    memory = remember(path)
    memory.prepare(set(), {OTHER})
    assert memory.was_delivered_before("main", EVENT)
    memory.close()


def test_each_project_has_events_of_its_own(path: Path) -> None:
    leave(path, lambda memory: memory.settle("sandbox", [EVENT], []))
    memory = remember(path)
    memory.prepare(set(), {EVENT})
    assert memory.delivered_among("main", [EVENT]) == set()
    assert not memory.was_delivered_before("main", EVENT)
    assert memory.delivered_among("sandbox", [EVENT]) == {EVENT}
    assert memory.was_delivered_before("sandbox", EVENT)
    memory.close()


def test_a_project_is_known_by_what_names_it(path: Path) -> None:
    leave(path, lambda memory: memory.settle("sandbox", [EVENT], []))
    for projects, expected in (
        ({"main": "other", "sandbox": "third"}, set()),
        ({"main": "test"}, {EVENT}),  # the sandbox's of before
    ):
        memory = remember(path, projects=projects)
        assert memory.delivered_among("main", [EVENT]) == expected
        memory.close()


@pytest.mark.parametrize(("days_later", "is_known"), [(89, True), (92, False)])
def test_delivered_events_are_forgotten_after_their_days(
    path: Path, monkeypatch: pytest.MonkeyPatch, days_later: int, *, is_known: bool
) -> None:
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    _let_pass(monkeypatch, days_later)
    assert among(path, EVENT) == ({EVENT} if is_known else set())


def test_the_days_count_from_the_last_time_that_an_event_was_seen(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        leave(path, lambda memory: memory.settle("main", [EVENT], []))
        _let_pass(monkeypatch, 60)
        assert among(path, EVENT) == {EVENT}


def test_events_are_found_beside_a_great_many(memory: Memory, path: Path) -> None:
    ids = [mark_of(f"event-{number}", number) for number in range(50_000)]
    for start in range(0, len(ids), 2_000):
        memory.settle("main", ids[start : start + 2_000], [])
        if memory.wants_commit:
            memory.commit()
    memory.commit()
    asked = [*ids[::5_000], OTHER]
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
    monkeypatch.setattr("target_amplitude_nami.memory.memory.time.time", lambda: later)
