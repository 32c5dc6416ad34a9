"""A rejects file is rewritten as a whole, and nobody's lines are lost meanwhile."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import InputUnreadable, OutputUnwritable
from target_amplitude_nami.outcomes import Refusal
from target_amplitude_nami.singer.file_locks import is_at
from target_amplitude_nami.singer.rejects import RejectsFile
from target_amplitude_nami.singer.rejects_file import locked_rejects, opened_rejects
from tests.support import singer

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSAL = Refusal("time_unreadable", "created_date", "no time")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rejects.singer"
    path.write_bytes(b"one\ntwo\nthree\n")
    path.chmod(0o640)
    return path


def files_beside(path: Path) -> list[str]:
    return [each.name for each in path.parent.iterdir()]


def without_two(lines: Iterator[bytes]) -> Iterator[bytes]:
    return (line for line in lines if line != b"two\n")


def test_the_new_file_has_what_is_left_and_the_mode(path: Path) -> None:
    with locked_rejects(path) as file:
        file.replace(without_two)
    assert path.read_bytes() == b"one\nthree\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert files_beside(path) == [path.name]


def test_a_file_with_nothing_left_goes(path: Path) -> None:
    with locked_rejects(path) as file:
        file.replace(lambda _lines: [])
    assert files_beside(path) == []


def test_a_file_is_locked_as_nfs_wants_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, locked = fcntl.flock, list[int]()

    def flock(descriptor: int, operation: int) -> None:
        if operation & fcntl.LOCK_EX:
            if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))
            locked.append(os.fstat(descriptor).st_ino)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    file_number = path.stat().st_ino
    with opened_rejects(path) as opened:
        assert opened.size() == len(b"one\ntwo\nthree\n")
    with locked_rejects(path) as file:
        file.replace(without_two)
    assert file_number in locked
    assert path.read_bytes() == b"one\nthree\n"


def test_a_file_that_may_only_be_read_is_replaced_all_the_same(path: Path) -> None:
    path.chmod(0o400)
    with locked_rejects(path) as file:
        file.replace(without_two)
    assert path.read_bytes() == b"one\nthree\n"


def test_a_link_stays_a_link(path: Path) -> None:
    link = path.with_name("link.singer")
    link.symlink_to(path.name)
    with locked_rejects(link) as file:
        file.replace(without_two)
    assert link.is_symlink()
    assert path.read_bytes() == b"one\nthree\n"


def test_what_is_appended_meanwhile_is_seen_by_who_rewrites(path: Path) -> None:
    with locked_rejects(path) as file:
        size = file.size()
        with path.open("ab") as other:
            other.write(b"four\n")
        assert list(file.lines(size)) == [b"one\n", b"two\n", b"three\n"]
        file.replace(without_two)
    assert path.read_bytes() == b"one\nthree\nfour\n"


def test_a_last_line_without_its_end_gets_one(path: Path) -> None:
    path.write_bytes(b"one\nhalf")
    with locked_rejects(path) as file:
        file.replace(lambda lines: [*lines, b"new\n"])
    assert path.read_bytes() == b"one\nhalf\nnew\n"


def test_only_one_rewrites_at_a_time(path: Path) -> None:
    with (
        locked_rejects(path),
        pytest.raises(OutputUnwritable, match="by another process"),
        locked_rejects(path),
    ):
        pass
    with locked_rejects(path) as file:
        file.replace(without_two)


def test_what_a_killed_process_has_left_is_used_and_goes(path: Path) -> None:
    beside = path.with_name(".rejects.singer.rewriting")
    beside.write_bytes(b"somebody's record\n" * 100)
    beside.chmod(0o644)
    with locked_rejects(path) as file:
        assert beside.read_bytes() == b""
        assert stat.S_IMODE(beside.stat().st_mode) == 0o600
        file.replace(without_two)
    assert path.read_bytes() == b"one\nthree\n"
    assert not beside.exists()


def test_a_failure_changes_nothing_and_leaves_nothing(path: Path) -> None:
    def fail(lines: Iterator[bytes]) -> Iterator[bytes]:
        yield next(lines)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), locked_rejects(path) as file:
        file.replace(fail)
    assert path.read_bytes() == b"one\ntwo\nthree\n"
    assert files_beside(path) == [path.name]


def test_a_file_that_somebody_puts_in_its_place_is_left_alone(path: Path) -> None:
    with locked_rejects(path) as file:
        path.rename(path.with_name("moved"))
        path.write_bytes(b"another\n")
        with pytest.raises(OutputUnwritable, match="moved or replaced"):
            file.replace(without_two)
    assert path.read_bytes() == b"another\n"


@pytest.mark.parametrize("kind", ["missing", "folder", "device"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = {"missing": tmp_path / "none", "folder": tmp_path}.get(kind)
    with (
        pytest.raises(InputUnreadable, match="cannot be re"),
        locked_rejects(path or Path(os.devnull)),
    ):
        pass


def test_a_link_beside_it_is_not_followed(path: Path) -> None:
    victim = path.with_name("victim")
    victim.write_bytes(b"dear to somebody\n")
    path.with_name(".rejects.singer.rewriting").symlink_to(victim)
    with pytest.raises(OutputUnwritable), locked_rejects(path):
        pass
    assert victim.read_bytes() == b"dear to somebody\n"


def test_an_open_file_is_known_to_be_the_one_at_its_path(path: Path) -> None:
    with path.open() as file:
        assert is_at(path, file.fileno())
        path.rename(path.with_name("moved"))
        assert not is_at(path, file.fileno())


# A run that goes on writing


def records_in(path: Path) -> list[int]:
    messages = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [m["record"]["x"] for m in messages if m["type"] == "RECORD"]


def write(rejects: RejectsFile, number: int) -> None:
    rejects.write("a", singer.record("a", {"x": number}), REFUSAL)
    rejects.sync()


@pytest.mark.parametrize("is_emptied", [True, False])
def test_a_run_goes_on_in_the_new_file_with_a_schema(
    tmp_path: Path, *, is_emptied: bool
) -> None:
    path = tmp_path / "rejects.singer"
    rejects = RejectsFile(path, "nami")
    rejects.declare("a", singer.schema("a"))
    write(rejects, 1)
    with locked_rejects(path) as file:
        file.replace(lambda lines: [] if is_emptied else list(lines)[1:])
    write(rejects, 2)
    rejects.close()
    assert records_in(path) == ([2] if is_emptied else [1, 2])
    kinds = [json.loads(line)["type"] for line in path.read_bytes().splitlines()]
    assert kinds[-2:] == ["SCHEMA", "RECORD"]


def test_runs_and_rewriting_at_once_lose_no_line_and_tear_none(tmp_path: Path) -> None:
    path = tmp_path / "rejects.singer"
    each, runs = 20, 3

    def run(number: int) -> None:
        rejects = RejectsFile(path, "nami")
        rejects.declare("a", singer.schema("a"))
        for one in range(number * each, (number + 1) * each):
            write(rejects, one)
        rejects.close()

    path.write_bytes(singer.schema("a"))
    threads = [threading.Thread(target=run, args=[number]) for number in range(runs)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        with locked_rejects(path) as file:
            file.replace(list)
    for thread in threads:
        thread.join()
    found = records_in(path)
    assert sorted(found) == list(range(each * runs))
    for number in range(runs):
        mine = [one for one in found if one // each == number]
        assert mine == sorted(mine)
