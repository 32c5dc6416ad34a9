"""A memory file is looked into while a run uses it, and nothing is done to it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.store import inspection
from target_amplitude_nami.store.inspection import StoreContents, inspect, is_in_use
from target_amplitude_nami.store.schema import FORM
from target_amplitude_nami.store.sqlite_store import SqliteStore
from tests.support.memory import sent_event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_RUN = """
import sys
from pathlib import Path
from target_amplitude_nami.store.sqlite_store import SqliteStore
from tests.support.memory import sent_event
store = SqliteStore(Path(sys.argv[1]), 90, projects={"main": "main"})
store.open()
store.settle("main", [sent_event(str(number)) for number in range(3)], [])
store.commit()
print("ready", flush=True)
sys.stdin.read()
store.close()
"""


@contextmanager
def run_with(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have another process use a file, which it has told three delivered events."""
    command = [sys.executable, "-c", _RUN, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        yield process


def files_beside(path: Path) -> dict[str, bytes | None]:
    """Return the files of a folder; SQLite's index of the log varies."""
    return {
        found.name: None if found.name.endswith("-shm") else found.read_bytes()
        for found in path.parent.iterdir()
    }


def a_store(path: Path) -> Path:
    store = SqliteStore(path, 90, projects={"main": "main"})
    store.open()
    store.settle("main", [sent_event("a")], [])
    store.hold("user", "events", b"{}", b"{}")
    store.commit()
    store.close()
    return path


def test_the_figures_of_a_file_at_rest_are_read_and_nothing_is_made(
    tmp_path: Path,
) -> None:
    path = a_store(tmp_path / "memory.db")
    before = files_beside(path)
    found = inspect(path)
    assert (found.form, found.delivered, found.held) == (FORM, 1, 1)
    assert found.held_since
    assert found.delivered_since == found.delivered_until
    assert files_beside(path) == before


def test_what_a_run_has_committed_is_read_while_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with run_with(path):
        before = files_beside(path)
        assert before.keys() > {"memory.db-wal", "memory.db-shm"}
        assert inspect(path).delivered == 3
        assert is_in_use(path)
        assert files_beside(path) == before
    assert not is_in_use(path)


@pytest.mark.parametrize("has_index", [True, False])
def test_what_a_killed_run_left_in_its_log_is_read_and_stays(
    tmp_path: Path, *, has_index: bool
) -> None:
    path = tmp_path / "memory.db"
    with run_with(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    if not has_index:
        (tmp_path / "memory.db-shm").unlink()
    before = files_beside(path)
    assert inspect(path).delivered == 3
    assert not is_in_use(path)
    assert files_beside(path) == before


def test_a_run_may_begin_while_its_file_is_copied(tmp_path: Path) -> None:
    path, copy = a_store(tmp_path / "memory.db"), tmp_path / "copy.db"
    with run_with(path):
        inspection.snapshot(path, copy)
    assert inspect(copy).delivered == 4
    assert copy.stat().st_mode & 0o777 == 0o600


def test_an_empty_file_has_nothing_yet(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    path.touch()
    assert inspect(path) == StoreContents(0)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (f"PRAGMA user_version = {FORM + 1}", "a newer version of this target"),
        ("PRAGMA user_version = 1", "form 1, from before the first release"),
        ("PRAGMA application_id = 7", "another program made it"),
        ("DROP TABLE held", "no such table: held"),
    ],
)
def test_a_file_that_no_run_can_use_is_named_with_the_reason_and_left_as_it_is(
    tmp_path: Path, statement: str, message: str
) -> None:
    path = a_store(tmp_path / "memory.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    before = files_beside(path)
    with pytest.raises(StoreUnusable, match=message):
        inspect(path)
    assert files_beside(path) == before


def test_what_is_no_database_is_another_programs(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    path.write_text("colour,size\nred,7\n" * 100)
    with pytest.raises(StoreUnusable, match="another program made it"):
        inspect(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="No such file"):
        inspect(tmp_path / "missing.db")
