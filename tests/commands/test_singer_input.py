"""The input of a command, which may be a pipe that can be read once only."""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
import threading
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.commands.singer_input import RepeatableInput
from target_amplitude_nami.errors import InputUnreadable
from tests.support.nami import impression
from tests.support.singer import record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LINE = record("events", impression(1)).rstrip(b"\n") + b"\n"


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[str]:
    """Return a pipe that somebody writes a record to."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody reads all of it
            path.write_bytes(LINE)

    writer = threading.Thread(target=write)
    writer.start()
    yield str(path)
    writer.join()


def test_a_pipe_can_be_read_several_times(pipe: str) -> None:
    with RepeatableInput(pipe) as repeatable:
        read = [[line.message for line in repeatable.lines()] for _ in range(2)]
    assert read == [[LINE], [LINE]]


def test_a_folder_for_temporary_files_that_is_missing_is_said_to_be(
    pipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    with pytest.raises(InputUnreadable, match=r"no room for a copy .* TMPDIR"):
        RepeatableInput(pipe).__enter__()


def test_a_full_disk_is_not_taken_for_an_unreadable_input(pipe: str) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(LINE) // 2, before[1]))
    try:
        with pytest.raises(InputUnreadable, match=r"no room for a copy .* TMPDIR"):
            RepeatableInput(pipe).__enter__()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
