"""A file of lines is rewritten as a whole, and by one process at a time."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.erasing.line_files import LineFile, leftovers_beside
from target_amplitude_nami.erasing.sharing import share
from target_amplitude_nami.errors import OutputUnwritable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"a\nb\nc")
    path.chmod(0o640)
    return path


def test_the_new_file_has_the_mode_of_the_old_one(path: Path) -> None:
    with closing(LineFile(path)) as file:
        assert [*file.lines()] == [b"a\n", b"b\n", b"c"]
        file.replace(line for line in file.lines() if line != b"b\n")
    assert path.read_bytes() == b"a\nc"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_new_file_has_the_owner_of_the_old_one(path: Path) -> None:
    os.chown(path, 65534, 65534)
    with closing(LineFile(path)) as file:
        file.replace(file.lines())
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_and_leads_to_the_new_file(path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to(path)
    with closing(LineFile(link)) as file:
        file.replace([b"new\n"])
    assert link.is_symlink()
    assert path.read_bytes() == b"new\n"


def test_a_failure_leaves_the_file_as_it_was(path: Path) -> None:
    def lines() -> list[bytes]:
        raise OSError(28, "No space left on device")

    with (
        closing(LineFile(path)) as file,
        pytest.raises(OutputUnwritable, match="No space left"),
    ):
        file.replace(line for _ in "a" for line in lines())
    assert path.read_bytes() == b"a\nb\nc"
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_nobody_else_writes_it_meanwhile(path: Path) -> None:
    with path.open("ab") as writer:
        share(writer.fileno())
        with pytest.raises(OutputUnwritable, match="in use by a run"):
            LineFile(path)
    with (
        closing(LineFile(path)),
        path.open("ab") as writer,
        pytest.raises(OSError, match="being rewritten"),
    ):
        share(writer.fileno())
    LineFile(path).close()


def test_a_pipe_can_be_shared() -> None:
    reading, writing = os.pipe()
    share(writing)
    os.close(reading)
    os.close(writing)


def test_unfinished_files_beside_it_are_found(path: Path) -> None:
    leftover = path.with_name(".nami-0123456789abcdef")
    leftover.write_bytes(b"a")
    path.with_name("other").write_bytes(b"a")
    path.with_name(".nami-link").symlink_to(path)
    assert [*leftovers_beside(path)] == [leftover]
    assert not [*leftovers_beside(path.parent / "no folder" / "file")]
