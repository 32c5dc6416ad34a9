"""Small files of a run, each written as a whole."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

import pytest

from target_amplitude_nami.accounting.files import write_atomically
from target_amplitude_nami.errors import OutputUnwritable


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.json"
    write_atomically(path, "first\n", 0o644)
    with path.open(encoding="utf-8") as reader:
        write_atomically(path, "second ☃\n", 0o644)
        assert reader.read() == "first\n"
    assert path.read_text("utf-8") == "second ☃\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_pipe_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK)) as reader:
        write_atomically(path, "text", 0o644)
        assert reader.read() == "text"
    assert path.is_fifo()


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable, match=re.escape(f"{tmp_path} cannot be")):
        write_atomically(tmp_path, "text", 0o644)


def test_what_was_written_in_vain_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, _target: Path) -> None:
        assert source.exists()
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputUnwritable, match="Operation not permitted"):
        write_atomically(tmp_path / "report.json", "text", 0o644)
    assert list(tmp_path.iterdir()) == []


def test_what_a_link_leads_to_is_written_and_the_link_stays(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere" / "report.json"
    target.parent.mkdir()
    target.write_text("old")
    links = [tmp_path / "link", tmp_path / "link to the link"]
    links[0].symlink_to("elsewhere/report.json")
    links[1].symlink_to(links[0])
    with target.open(encoding="utf-8") as reader:
        write_atomically(links[1], "new", 0o600)
        assert reader.read() == "old"
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert all(link.is_symlink() for link in links)
    assert sorted(tmp_path.rglob("*")) == sorted([target.parent, target, *links])


def test_a_link_to_nothing_yet_is_written_through(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "new folder" / "report.json")
    write_atomically(link, "text", 0o644)
    assert (tmp_path / "new folder" / "report.json").read_text() == "text"
    assert link.is_symlink()


def test_a_link_to_a_pipe_is_written_to() -> None:
    """As `/dev/stderr` is one, where the log goes into a pipe."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as reader:
        write_atomically(Path(f"/dev/fd/{writing}"), "text", 0o644)
        os.close(writing)
        assert reader.read() == "text"


def test_a_link_in_a_circle_is_an_error(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(link)
    with pytest.raises(OutputUnwritable, match="link cannot be written"):
        write_atomically(link, "text", 0o644)


def test_no_link_that_was_planted_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even by somebody who could tell the name of what is made on the way."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    (tmp_path / ".nami-guessed").symlink_to(victim)
    with pytest.raises(OutputUnwritable, match="File exists"):
        write_atomically(tmp_path / "report.json", "text", 0o644)
    assert victim.read_text() == "precious"


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write_atomically(path, "text", 0o644)
    assert list(tmp_path.iterdir()) == [path]
