"""Which events each project has."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.outcomes import Occurrence
from target_amplitude_nami.store.profiles import NEVER_SENT, SentState
from tests.support.memory import EVENT, OTHER, leave, remember, sent_event

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.outcomes import SentEvent
    from target_amplitude_nami.store.sqlite_store import SqliteStore

_DAY = 86_400
_STARTED = time.time()


def among(path: Path, *marks: SentEvent) -> list[SentEvent]:
    """Return which of these a later run knows, by both of its ways to ask."""
    memory = remember(path)
    keys = [mark.key for mark in marks]
    try:
        known = memory.delivered_among("main", keys)
        memory.prepare(set(), set(keys))
        assert known == {
            key: first
            for key in keys
            if (first := memory.delivered_before("main", key)) is not None
        }
        return [mark for mark in marks if mark.key in known]
    finally:
        memory.close()


@pytest.mark.parametrize("insert_id", ["event", 'a"b\\', "a\0b", "ü", ""])
def test_a_delivered_event_is_known_again(memory: SqliteStore, insert_id: str) -> None:
    mark = sent_event(insert_id)
    keys = [mark.key, OTHER.key]
    assert memory.delivered_among("main", keys) == {}
    memory.settle("main", [mark], [])
    [(key, found)] = memory.delivered_among("main", keys).items()
    assert key == mark.key
    assert (found.event_type, found.time) == (mark.event_type, mark.time)


@pytest.mark.parametrize("insert_id", ["event", 'a"b\\', "a\0b", ""])
def test_a_later_run_knows_it_before_it_is_sent(path: Path, insert_id: str) -> None:
    mark = sent_event(insert_id)
    leave(path, lambda memory: memory.settle("main", [mark], []))
    assert among(path, mark, OTHER) == [mark]


@pytest.mark.parametrize(
    "other",
    [
        sent_event("event", device_id="another device"),
        sent_event("event", device_id=None),
        sent_event("event", device_id=None, user_id="device"),
    ],
)
def test_events_of_two_devices_with_one_id_are_two(
    path: Path, other: SentEvent
) -> None:
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    assert among(path, EVENT, other) == [EVENT]
    leave(path, lambda memory: memory.settle("main", [other], []))
    assert among(path, EVENT, other) == [EVENT, other]


@pytest.mark.parametrize(
    "time", [None, 0, -1, 1_717_000_000_000, -(2**47), 2**47, 10**18 - 1]
)
@pytest.mark.parametrize("event_type", ["device.impression", "$identify", "ü"])
def test_it_is_known_what_was_delivered_first_and_when(
    path: Path, event_type: str, time: int | None
) -> None:
    first = sent_event("event", time, event_type)
    second = sent_event("event", 5, "another type")
    leave(path, lambda memory: memory.settle("main", [first], []))
    leave(path, lambda memory: memory.settle("main", [second], []))
    memory = remember(path)
    [found] = memory.delivered_among("main", [second.key]).values()
    memory.close()
    assert found == Occurrence(event_type, time)
    assert not first.differs_from(found)
    assert second.differs_from(found)


@pytest.mark.parametrize("time", [None, 0, -1, 10**18 - 1])
@pytest.mark.parametrize("event_type", ["user.renewal", "ü", 'a"b\\', "a\0b", ""])
def test_it_is_known_also_once_it_left_ram(event_type: str, time: int | None) -> None:
    memory = remember(None)
    first = sent_event("event", time, event_type)
    others = [sent_event(f"event-{number}") for number in range(40_000)]
    memory.settle("main", [first, *others], [])
    assert memory.wants_commit
    memory.commit()
    second = sent_event("event", 5, "another type")
    memory.settle("main", [second], [])
    assert memory.delivered_among("sandbox", [first.key]) == {}
    [found] = memory.delivered_among("main", [first.key, OTHER.key]).values()
    assert (found.event_type, found.time) == (event_type, time)
    memory.close()


def test_of_two_in_ram_with_one_key_the_first_is_known(memory: SqliteStore) -> None:
    first, second = sent_event("event", 1), sent_event("event", 2)
    memory.settle("main", [first], [])
    memory.settle("main", [second], [])
    [found] = memory.delivered_among("main", [first.key]).values()
    assert found.time == 1


def test_what_the_last_question_was_not_about_is_looked_up_by_itself(
    path: Path,
) -> None:
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    memory = remember(path)
    memory.prepare(set(), {OTHER.key})
    assert memory.delivered_before("main", EVENT.key) is not None
    memory.close()


def test_each_project_has_events_of_its_own(path: Path) -> None:
    leave(path, lambda memory: memory.settle("sandbox", [EVENT], []))
    memory = remember(path)
    memory.prepare(set(), {EVENT.key})
    assert memory.delivered_among("main", [EVENT.key]) == {}
    assert memory.delivered_before("main", EVENT.key) is None
    assert list(memory.delivered_among("sandbox", [EVENT.key])) == [EVENT.key]
    assert memory.delivered_before("sandbox", EVENT.key) is not None
    memory.close()


def test_a_project_is_known_by_what_names_it(path: Path) -> None:
    leave(path, lambda memory: memory.settle("sandbox", [EVENT], []))
    for projects, expected in (
        ({"main": "other", "sandbox": "third"}, []),
        ({"main": "test"}, [EVENT.key]),  # the sandbox's of before
    ):
        memory = remember(path, projects=projects)
        assert list(memory.delivered_among("main", [EVENT.key])) == expected
        memory.close()


def test_of_what_names_a_project_the_file_has_a_hash(path: Path) -> None:
    name = "0123456789abcdef0123456789abcdef"
    leave(
        path,
        lambda memory: memory.settle("main", [EVENT], []),
        projects={"main": name},
    )
    assert name.encode() not in path.read_bytes()
    assert bytes.fromhex(name) not in path.read_bytes()


def test_a_project_that_begins_anew_has_nothing_and_was_sent_nothing(
    path: Path,
) -> None:
    def learn(memory: SqliteStore) -> None:
        memory.settle("main", [EVENT], [])
        memory.sent_states["main"].put("user", SentState(1))

    leave(path, learn)
    memory = remember(path, begins_anew=True)
    assert memory.delivered_among("main", [EVENT.key]) == {}
    assert memory.sent_states["main"].get("user") == NEVER_SENT
    memory.close()  # as if it were killed
    assert among(path, EVENT) == []
    leave(path, learn)
    assert among(path, EVENT) == [EVENT]


def test_a_rehearsal_makes_no_project_begin_anew(path: Path) -> None:
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    remember(path, begins_anew=True, forgets=True).close()
    assert among(path, EVENT) == [EVENT]


@pytest.mark.parametrize(("days_later", "is_known"), [(89, True), (92, False)])
def test_delivered_events_are_forgotten_after_their_days(
    path: Path, monkeypatch: pytest.MonkeyPatch, days_later: int, *, is_known: bool
) -> None:
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    for days in (*range(30, days_later, 30), days_later, days_later):
        _let_pass(monkeypatch, days)
        leave(path, lambda _: None)
    assert among(path, EVENT) == ([EVENT] if is_known else [])


def test_the_days_count_from_the_last_time_that_an_event_was_seen(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 5):
        leave(path, lambda memory: memory.settle("main", [EVENT], []))
        _let_pass(monkeypatch, 60 * number)
        assert among(path, EVENT) == [EVENT]


def test_events_are_found_beside_a_great_many(memory: SqliteStore, path: Path) -> None:
    ids = [sent_event(f"event-{number}", number) for number in range(50_000)]
    for start in range(0, len(ids), 2_000):
        memory.settle("main", ids[start : start + 2_000], [])
        if memory.wants_commit:
            memory.commit()
    memory.commit()
    there = [mark.key for mark in ids[::5_000]]
    known = memory.delivered_among("main", [*there, OTHER.key])
    assert sorted(known) == sorted(there)
    if path.exists():
        memory.settle("main", ids[:10], [])  # once more: no second row
        memory.commit()
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT count(*) FROM delivered").fetchone() == (
            len(ids),
        )
        connection.close()


def _let_pass(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    later = _STARTED + days * _DAY
    monkeypatch.setattr("target_amplitude_nami.store.calendar.time.time", lambda: later)
