"""Records that wait for their user's External ID."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.store.profiles import UserProfile
from tests.support.memory import EVENT, leave, remember

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.store.sqlite_store import SqliteStore


def test_held_records_come_back_in_order_and_with_every_byte(
    memory: SqliteStore,
) -> None:
    count = 1_200  # more than one page
    for number in range(count):
        text = f"{number}\xff\0".encode("latin-1")
        assert memory.hold("nami-1", "events 🎧", text, b"r" + text)
        assert memory.hold("nami-2", "events", text, b"other" + text)
    held = list(memory.held_of("nami-1"))
    assert [h.line for h in held] == [
        f"{number}\xff\0".encode("latin-1") for number in range(count)
    ]
    assert {h.record for h in held} == {b"r" + h.line for h in held}
    assert {h.stream for h in held} == {"events 🎧"}


def test_the_same_record_is_held_once(memory: SqliteStore) -> None:
    assert memory.hold("nami-1", "events", b"line", b"record")
    assert memory.hold("nami-1", "events", b"other", b"other")
    assert not memory.hold("nami-1", "events", b"line", b"record")
    assert len(list(memory.all_held())) == 2


def test_what_has_no_time_is_a_copy_only_of_the_last_one_held(
    memory: SqliteStore,
) -> None:
    kept = [
        memory.hold(user, "users", record, record, is_of_now=True)
        for user, record in [
            *[("nami-1", b"a"), ("nami-1", b"a"), ("nami-2", b"x"), ("nami-1", b"a")],
            *[("nami-1", b"b"), ("nami-1", b"a"), ("nami-1", b"a"), ("nami-1", b"b")],
        ]
    ]
    assert kept == [True, False, True, False, True, True, False, True]
    assert [h.record for h in memory.held_of("nami-1")] == [b"a", b"b", b"a", b"b"]


def test_held_records_wait_until_they_are_settled(memory: SqliteStore) -> None:
    memory.hold("nami-1", "events", b"1", b"1")
    memory.hold("nami-1", "events", b"2", b"2")
    [first, second] = memory.held_of("nami-1")
    memory.settle("main", [EVENT], [first.number])
    assert list(memory.held_of("nami-1")) == [second]
    assert memory.waiting == memory.figures().waiting == 1
    memory.forget_held(second.number)
    assert memory.waiting == memory.figures().waiting == 0


def test_held_records_are_not_purged_however_many_days_pass(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(path, lambda memory: memory.hold("nami-1", "events", b"line", b"record"))
    later = time.time() + 1_000 * 86_400
    monkeypatch.setattr("target_amplitude_nami.store.calendar.time.time", lambda: later)
    memory = remember(path)
    assert len(list(memory.held_of("nami-1"))) == 1
    memory.close()


def test_held_records_of_users_identified_since_are_found(path: Path) -> None:
    first = remember(path)
    for user_id in ("named", "state only", "stranger", "named"):
        text = f"{user_id} {first.waiting}".encode()
        first.hold(user_id, "events", text, text)
    first.users.put("named", UserProfile(external_id="external"))
    first.users.put("state only", UserProfile().with_state(UserState(), None))
    first.commit()
    first.close()
    second = remember(path)
    assert [h.line for h in second.held_of_identified_users()] == [
        b"named 0",
        b"named 3",
    ]
    assert len(list(second.all_held())) == 4
    second.close()


def test_the_figures_have_how_many_wait_and_since_when(
    memory: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert memory.figures().waiting_since is None
    for moment in (1_000, 2_000):
        monkeypatch.setattr(
            "target_amplitude_nami.store.held.time.time",
            lambda moment=moment: moment,
        )
        memory.hold("nami-1", "events", b"%d" % moment, b"%d" % moment)
    assert memory.figures().waiting == 2
    assert memory.figures().waiting_since == 1_000


def test_no_held_record_is_deleted_after_its_reject_could_not_be_made_safe(
    path: Path,
) -> None:
    leave(path, lambda memory: memory.hold("nami-1", "events", b"line", b"record"))
    memory = remember(path)
    [held] = memory.all_held()
    memory.forget_held(held.number)

    def fail() -> None:
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - the one above
        memory.commit(fail)
    large = b"x" * 5_000_000
    for number in range(3):  # so much that held records are committed by themselves
        memory.hold("nami-2", "events", large, b"%d" % number)
    memory.close()

    memory = remember(path)
    assert [h.line for h in memory.held_of("nami-1")] == [b"line"]
    memory.close()


def test_what_is_forgotten_leaves_ram_though_nothing_new_is_held() -> None:
    memory = remember(None)
    count = 30_000
    for number in range(count):
        memory.hold(f"nami-{number}", "events", b"line", b"%d" % number)
    memory.figures()  # all are in the file now
    for number in range(1, count + 1):
        memory.forget_held(number)
    assert memory.wants_commit
    memory.commit()
    assert memory._held.backlog == 0
    assert memory._file.rows("SELECT * FROM held") == []
    assert list(memory.all_held()) == []
    memory.close()


def test_however_much_is_forgotten_a_new_record_is_not_written_by_itself(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise AssertionError

    def learn(memory: SqliteStore) -> None:
        for number in range(30_000):
            memory.hold("nami-1", "events", b"line", b"%d" % number)

    leave(path, learn)
    memory = remember(path)
    for number in range(1, 30_001):
        memory.forget_held(number)
    monkeypatch.setattr(memory, "_commit_held", fail)
    assert memory.hold("nami-1", "events", b"line", b"another")
    memory.close()
