"""The store's file: who may use it, and what the error says when it cannot be."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.store.model import DEVICE
from target_amplitude_nami.store.profiles import UNKNOWN_USER, UserProfile
from tests.support.memory import EVENT, OTHER, leave, remember, sent_event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from target_amplitude_nami.store.sqlite_store import SqliteStore


def test_what_was_not_committed_is_gone(path: Path) -> None:
    first = remember(path)
    first.users.put("nami-1", UserProfile(external_id="a"))
    first.settle("main", [EVENT], [])
    first.hold("nami-1", "events", b"line", b"record")
    first.close()
    second = remember(path)
    assert second.users.get("nami-1") == UNKNOWN_USER
    assert second.delivered_among("main", [EVENT.key]) == {}
    assert list(second.all_held()) == []
    second.close()


def test_a_run_may_leave_no_trace(path: Path) -> None:
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    before = path.read_bytes()
    rehearsal = remember(path, forgets=True)
    rehearsal.settle("main", [OTHER], [])
    for number in range(60_000):
        rehearsal.users.put(f"nami-{number}", UserProfile(external_id=f"{number}"))
        if rehearsal.wants_commit:
            rehearsal.commit()
    known = rehearsal.delivered_among("main", [EVENT.key, OTHER.key])
    assert known.keys() == {EVENT.key, OTHER.key}
    assert rehearsal.users.get("nami-7").external_id == "7"
    rehearsal.commit()
    rehearsal.close()
    assert path.read_bytes() == before


def test_without_a_path_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    memory = remember(None)
    marks = [sent_event(f"event-{number}", number) for number in range(30_000)]
    memory.settle("main", marks, [])
    memory.commit()
    assert list(tmp_path.iterdir()) == []
    memory.close()


def test_what_a_short_run_learns_stays_in_ram() -> None:
    memory = remember(None)
    memory.settle("main", [sent_event(f"event-{n}", n) for n in range(20_000)], [])
    for number in range(9_000):
        memory.note_owner(DEVICE, f"device-{number}", "nami-1")
        memory.note_owner(DEVICE, "phone", f"nami-{number}")
    memory.commit()
    assert memory.figures().id_conflicts == {DEVICE: 8_999}
    assert memory._file.rows("SELECT * FROM delivered_in_run") == []
    assert memory._file.rows("SELECT * FROM id_owners") == []
    memory.close()


def test_of_a_long_run_only_what_is_much_leaves_ram() -> None:
    memory = remember(None)
    memory.note_owner(DEVICE, "phone", "nami-1")
    memory.settle("main", [sent_event(f"event-{n}", n) for n in range(50_000)], [])
    memory.commit()
    assert not memory.wants_commit
    assert memory._file.rows("SELECT count(*) FROM delivered_in_run") == [(50_000,)]
    assert memory._file.rows("SELECT * FROM id_owners") == []
    memory.note_owner(DEVICE, "phone", "nami-2")
    assert memory.figures().id_conflicts == {DEVICE: 1}
    memory.close()


def test_only_its_owner_can_read_the_file(path: Path) -> None:
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    memory = remember(path)
    modes = {stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()}
    assert modes == {0o600}
    memory.close()


def test_no_two_runs_have_one_number(path: Path) -> None:
    numbers = set()
    for _ in range(3):
        memory = remember(path)
        numbers.add(memory.run)
        memory.close()
    assert len(numbers) == 3


def test_a_second_run_at_the_same_time_is_refused(path: Path) -> None:
    memory = remember(path)
    with pytest.raises(StoreUnusable, match="in use by another run"):
        remember(path)
    memory.settle("main", [EVENT], [])
    memory.commit()
    memory.close()
    remember(path).close()


def test_a_run_that_was_killed_holds_no_lock(path: Path) -> None:
    code = (
        "import os, signal, pathlib\n"
        "from tests.support.memory import EVENT, OTHER, remember\n"
        f"memory = remember(pathlib.Path({str(path)!r}))\n"
        "memory.settle('main', [EVENT], [])\n"
        "memory.commit()\n"
        "memory.settle('main', [OTHER], [])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    memory = remember(path)
    known = memory.delivered_among("main", [EVENT.key, OTHER.key])
    assert known.keys() == {EVENT.key}
    memory.close()


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE accounts (id INTEGER)")
    connection.close()


def _of_form(path: Path, version: int) -> None:
    remember(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


def _half(path: Path) -> None:
    ids = [sent_event(f"event-{number}", number) for number in range(20_000)]
    leave(path, lambda memory: memory.settle("main", ids, []))
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda path: path.write_text("a letter to a friend\n" * 100),
            "not a database",
        ),
        (_foreign, "another program made it"),
        (lambda path: _of_form(path, 6), "newer version .* upgrade"),
        (lambda path: _of_form(path, 4), "form 4, from before the first release"),
        (_half, "malformed"),
    ],
)
def test_a_file_that_is_not_ours_to_use_is_named_and_left_alone(
    path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    path.parent.mkdir()
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=message):
        remember(path)
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match="cannot be created"):
        remember(tmp_path / "file" / "memory.db")


def test_an_empty_file_is_a_new_memory(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    remember(path).close()


def _fill(memory: SqliteStore, pages: int) -> None:
    """Let the file have so many pages and no more."""
    memory._file.run(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_gives_one_message_and_loses_nothing(path: Path) -> None:
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    memory = remember(path)
    _fill(memory, 20)
    messages = set()
    for number in range(300):
        try:
            memory.hold("nami-1", "events", b"x" * 1_000, f"{number}".encode())
            memory.settle("main", [sent_event(f"event-{number}", 1)], [])
        except StoreUnusable as error:
            messages.add(str(error))
    with pytest.raises(StoreUnusable) as caught:
        memory.commit()
    messages.add(str(caught.value))
    [line] = messages
    assert line == (
        f"The memory file {path} cannot be written (disk full): free disk space "
        f"and run again; nothing is lost"
    )
    assert memory.figures().waiting
    memory.close()
    again = remember(path)
    assert list(again.all_held()) == []
    keys = [EVENT.key, sent_event("event-1", 1).key]
    assert list(again.delivered_among("main", keys)) == [EVENT.key]
    again.close()


def test_after_a_disk_was_full_nothing_is_written_even_if_there_is_room(
    path: Path,
) -> None:
    memory = remember(path)
    _fill(memory, 20)
    marks = [sent_event(f"event-{number}", number) for number in range(30_000)]
    memory.settle("main", marks, [])
    with pytest.raises(StoreUnusable):
        memory.commit()
    with pytest.raises(StoreUnusable):
        _fill(memory, 20_000)
    memory.hold("nami-1", "events", b"line", b"record")
    with pytest.raises(StoreUnusable):
        memory.commit()
    memory.close()
    again = remember(path)
    assert again.waiting == 0
    again.close()


def test_who_waits_for_the_file_while_it_fails_is_not_told_a_wrong_answer() -> None:
    memory = remember(None)
    marks = [sent_event(f"event-{number}", number) for number in range(50_000)]
    memory.settle("main", marks, [])
    memory.commit()
    file = memory._file
    failed: list[StoreUnusable] = []

    def look_up() -> None:
        try:
            memory.delivered_among("main", [OTHER.key])
        except StoreUnusable as error:
            failed.append(error)

    thread = threading.Thread(target=look_up)
    with file._lock:  # as who writes has it
        thread.start()
        time.sleep(0.1)
        file._trouble = StoreUnusable("disk full")
    thread.join()
    assert [str(error) for error in failed] == ["disk full"]
    memory.close()
