"""Small rows by name: in RAM, in the file, and on the way from one to the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.store.cached_table import CachedTable
from target_amplitude_nami.store.profiles import (
    NEVER_SENT,
    UNKNOWN_USER,
    SentState,
    UserProfile,
)
from tests.support.memory import (
    ODD_TEXTS,
    leave,
    remember,
    written_meanwhile,
)

if TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.store.sqlite_store import SqliteStore


def test_nothing_is_known_of_a_new_user(memory: SqliteStore) -> None:
    assert memory.users.get("nami-1") == UNKNOWN_USER
    assert memory.sent_states["main"].get("user") == NEVER_SENT


def test_what_was_put_last_is_found(memory: SqliteStore) -> None:
    memory.users.put("nami-1", UserProfile(external_id="old"))
    memory.users.put("nami-1", UserProfile(external_id="new"))
    assert memory.users.get("nami-1").external_id == "new"
    assert memory.users.get("nami-2") == UNKNOWN_USER


def test_users_and_targets_of_one_name_are_not_taken_for_each_other(
    path: Path,
) -> None:
    first = remember(path)
    first.users.put("name", UserProfile(external_id="external"))
    first.sent_states["main"].put("name", SentState(1))
    first.sent_states["sandbox"].put("name", SentState(2))
    first.commit()
    first.close()
    second = remember(path)
    assert second.users.get("name") == UserProfile(external_id="external")
    assert second.sent_states["main"].get("name") == SentState(1)
    assert second.sent_states["sandbox"].get("name") == SentState(2)
    second.close()


def test_nothing_was_sent_to_another_project(path: Path) -> None:
    leave(path, lambda memory: memory.sent_states["main"].put("user", SentState(1)))
    memory = remember(path, projects={"main": "another"})
    assert memory.sent_states["main"].get("user") == NEVER_SENT
    memory.close()


EVERYTHING = UserProfile("ünï", 1, "device").with_state(
    UserState(active_skus=[], in_pause=False, active_entitlements=["a", "b"]), 2
)


@pytest.mark.parametrize("user_id", ODD_TEXTS)
@pytest.mark.parametrize("external_id", ["external", 'a"b\\c', "a\0b", "🎧"])
def test_a_later_run_knows_all_that_was_committed(
    path: Path, user_id: str, external_id: str
) -> None:
    state = UserState(active_skus=[external_id], in_trial_period=True)
    known = UserProfile(external_id=external_id).with_state(state, 7)
    first = remember(path)
    first.users.put(user_id, known)
    first.users.put("other", EVERYTHING)
    assert first.users.get(user_id) == known
    assert known.state == state
    first.commit()
    first.close()
    for is_prepared in (False, True):
        second = remember(path)
        if is_prepared:
            second.users.prepare([user_id, "other", "nobody"])
        assert second.users.get(user_id) == known
        assert second.users.get("other") == EVERYTHING
        assert second.users.get("nobody") == UNKNOWN_USER
        second.close()


def test_a_new_user_is_known_as_soon_as_something_is_remembered(
    memory: SqliteStore,
) -> None:
    memory.users.put("nami-1", UserProfile(external_id="a"))
    memory.commit()
    memory.users.prepare(["nami-2"])
    assert memory.users.get("nami-2") == UNKNOWN_USER
    memory.users.put("nami-2", UserProfile(external_id="b"))
    assert memory.users.get("nami-2").external_id == "b"


def test_more_users_than_fit_in_ram_are_all_known(
    memory: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory.users, "_most_bytes", 6_000_000)
    count = 100_000
    for number in range(count):
        memory.users.put(
            f"nami-{number}", UserProfile(external_id=f"external-{number}")
        )
        if memory.wants_commit:
            memory.commit()
    assert len(memory.users._in_ram) <= count / 2
    names = [f"nami-{number}" for number in range(0, count, 7)]
    assert [memory.users.get(name).external_id for name in names] == [
        name.replace("nami", "external") for name in names
    ]
    for start in range(0, len(names), 200):
        some = names[start : start + 200]
        memory.users.prepare(some)
        assert all(memory.users.get(name) != UNKNOWN_USER for name in some)
    assert len(memory.users._in_ram) <= count / 2


def test_ram_is_counted_in_bytes_however_large_the_rows_are() -> None:
    table = CachedTable(UNKNOWN_USER, most_bytes=1_000_000)
    for size in (10_000, 10, 5_000):  # the same users each time
        for number in range(200):
            table.put(f"nami-{number}", UserProfile(external_id="x" * size))
            in_ram = sum(map(len, table._in_ram.values()))
            assert in_ram <= table._bytes_in_ram <= 1_000_000 + 10_500


def test_users_are_known_while_another_thread_writes_them(path: Path) -> None:
    memory = remember(path)
    mistakes = 0
    with written_meanwhile(memory):
        for number in range(60_000):
            memory.users.put(f"nami-{number}", UserProfile(external_id=f"{number}"))
            past = number * 7 // 11
            if number % 200 == 0:
                memory.users.prepare([f"nami-{past}", f"nami-{number + 1}"])
            if number % 20 == 0:
                mistakes += memory.users.get(f"nami-{past}").external_id != f"{past}"
    memory.close()
    assert mistakes == 0
