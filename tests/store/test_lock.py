"""Two runs never use one memory file at the same time, whatever they call it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import StoreUnusable
from tests.support.environment import clean_environment
from tests.support.meltano import ROOT
from tests.support.memory import EVENT, OTHER, leave, remember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_USE = """
import pathlib, sys
from tests.support.memory import EVENT, remember
memory = remember(pathlib.Path(sys.argv[1]))
memory.settle("main", [EVENT], [])
memory.commit()
print("open", flush=True)
sys.stdin.read()
memory.close()
"""


@contextmanager
def used(path: Path) -> Iterator[None]:
    """Have another process use the memory file within."""
    with subprocess.Popen(
        [sys.executable, "-c", _USE, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment({"PYTHONPATH": str(ROOT)}),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield
        process.stdin.close()
        assert process.wait() == 0


def by_symlink(path: Path) -> Path:
    link = path.parent.parent / "link.db"
    link.symlink_to(path)
    return link


def by_linked_folder(path: Path) -> Path:
    link = path.parent.parent / "folder"
    link.symlink_to(path.parent)
    return link / path.name


def by_hard_link(path: Path) -> Path:
    link = path.parent.parent / "link.db"
    link.hardlink_to(path)
    return link


def by_roundabout_way(path: Path) -> Path:
    return path.parent / ".." / path.parent.name / path.name


def by_relative_path(path: Path) -> Path:
    return path.relative_to(path.parents[1])


def in_renamed_folder(path: Path) -> Path:
    return path.parent.rename(path.parent.parent / "renamed") / path.name


@pytest.mark.parametrize(
    "way",
    [
        lambda path: path,
        by_symlink,
        by_linked_folder,
        by_hard_link,
        by_roundabout_way,
        by_relative_path,
        in_renamed_folder,
    ],
    ids=lambda way: way.__name__,
)
def test_a_file_that_another_run_uses_is_refused_by_any_name(
    path: Path, way: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parents[1])
    with used(path):
        named = way(path)
        with pytest.raises(StoreUnusable, match="in use by another run") as caught:
            remember(named)
        assert str(named) in str(caught.value)
    memory = remember(named)
    assert list(memory.delivered_among("main", [EVENT.key, OTHER.key])) == [EVENT.key]
    memory.close()


def test_a_file_that_another_run_uses_is_refused_under_another_name(path: Path) -> None:
    with used(path):
        renamed = path.rename(path.with_name("renamed.db"))
        with pytest.raises(StoreUnusable, match="in use by another run"):
            remember(renamed)


def test_who_was_refused_takes_no_lock_away(path: Path) -> None:
    with used(path):
        for named in (by_symlink(path), path, path):
            with pytest.raises(StoreUnusable):
                remember(named)


def test_another_file_put_in_its_place_is_refused_too(path: Path) -> None:
    """SQLite's own files beside it still belong to the one that is in use."""
    leave(path, lambda memory: memory.settle("main", [EVENT], []))
    with used(path):
        path.rename(path.with_name("old.db"))
        with pytest.raises(StoreUnusable, match="in use by another run"):
            remember(path)


def test_two_files_are_used_at_the_same_time(path: Path) -> None:
    with used(path):
        remember(path.with_name("other.db")).close()


def test_a_link_to_a_file_is_followed_and_stays(path: Path) -> None:
    path.parent.mkdir()
    link = path.parent.parent / "link.db"
    link.symlink_to(path)  # the file is made at the first run
    leave(link, lambda memory: memory.settle("main", [EVENT], []))
    assert link.is_symlink()
    memory = remember(path)
    assert memory.delivered_among("main", [EVENT.key])
    memory.close()


@pytest.mark.parametrize("suffix", [".lock", "-wal", "-shm", "-journal"])
def test_a_link_that_was_planted_beside_the_file_is_not_followed(
    path: Path, suffix: str
) -> None:
    path.parent.mkdir()
    victim = path.parent.parent / "victim"
    victim.write_text("precious")
    path.with_name(f"{path.name}{suffix}").symlink_to(victim)
    try:
        leave(path, lambda memory: memory.settle("main", [EVENT], []))
    except StoreUnusable as error:
        assert "\n" not in str(error)  # noqa: PT017
    assert victim.read_text() == "precious"


def test_a_lock_that_is_a_link_is_named(path: Path) -> None:
    path.parent.mkdir()
    lock = path.with_name(f"{path.name}.lock")
    lock.symlink_to("nowhere")
    with pytest.raises(StoreUnusable, match=f"{lock} is a symbolic link; remove it"):
        remember(path)
    assert not (path.parent / "nowhere").exists()


def test_the_lock_keeps_what_sqlite_locks(path: Path) -> None:
    """Who has the file open is seen by SQLite itself, in another process."""
    memory = remember(path)
    code = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], timeout=0)\n"
        "try:\n"
        "    connection.execute('PRAGMA journal_mode = DELETE')\n"
        "except sqlite3.OperationalError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True,
        check=True,
        env=os.environ,
    )
    memory.close()
    assert done.stdout == b"database is locked\n"
