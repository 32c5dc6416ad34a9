"""The live line on a real terminal, and the progress in a log that is none."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import nami, singer
from tests.support.run_target import TARGET, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE_SECONDS = 30
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\d [\d:,]+ \| ")


class Terminal:
    """A terminal that a process writes to, and what one sees on it."""

    def __init__(self, columns: int) -> None:
        self._ours, self.theirs = pty.openpty()
        size = struct.pack("HHHH", 24, columns, 0, 0)
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, size)
        self.text = ""

    def close(self) -> None:
        for descriptor in (self._ours, self.theirs):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def read_until(self, what: str) -> None:
        """Read until the last of the lines that one sees has a text."""
        until = time.monotonic() + PATIENCE_SECONDS
        while what not in self.lines()[-1]:
            assert time.monotonic() < until, self.text
            self._read()

    def read_to_end(self) -> None:
        """Read until nobody writes to it any more."""
        os.close(self.theirs)
        with contextlib.suppress(OSError):
            while True:
                self._read()

    def _read(self) -> None:
        ready, _, _ = select.select([self._ours], [], [], 1)
        if ready:
            self.text += os.read(self._ours, 1 << 16).decode("utf-8")

    def lines(self) -> list[str]:
        """Return the lines as one sees them."""
        return [
            self._seen(line) for line in self.text.replace("\r\n", "\n").split("\n")
        ]

    @staticmethod
    def _seen(line: str) -> str:
        line = re.sub(r"\x1b\[\?7[lh]", "", line)
        seen = ""
        for part in line.split("\r"):
            text, clears, after = part.partition("\x1b[K")
            seen = text + ("" if clears else seen[len(text) :]) + after
        return seen


class LiveRun:
    """A run of the target on a terminal."""

    def __init__(self, folder: Path, terminal: Terminal) -> None:
        settings = {"endpoint": "local", "batch_wait_seconds": 1}
        (folder / "config.json").write_text(json.dumps(settings))
        self.terminal = terminal
        self._process = subprocess.Popen(
            [TARGET, "--config", "config.json"],
            stdin=subprocess.PIPE,
            stdout=terminal.theirs,
            stderr=terminal.theirs,
            cwd=folder,
            env=clean_environment({"TERM": "xterm"}),
        )

    def write(self, *lines: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join(lines))
        self._process.stdin.flush()

    def end(self) -> list[str]:
        """End the input; return the lines on the terminal once the run has ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self.terminal.read_to_end()
        assert self._process.wait(PATIENCE_SECONDS) == 0, self.terminal.text
        return self.terminal.lines()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[LiveRun]:
    terminal = Terminal(columns=200)
    run = LiveRun(tmp_path, terminal)
    yield run
    run.kill()
    terminal.close()


def test_state_and_log_lines_have_lines_of_their_own(run: LiveRun) -> None:
    run.write(*singer.records("events", [nami.impression(1)]))
    run.terminal.read_until("1 record read: 1 delivered; ")
    assert "newest event of 2026-" in run.terminal.lines()[-1]
    run.terminal.read_until("waits for input")
    run.write(singer.state({"position": 1}))
    run.terminal.read_until("1 record read")
    run.write(*singer.records("others", [{"who": "else"}]))
    run.terminal.read_until("2 records read: 1 delivered, 1 filtered; ")
    lines = run.end()
    assert '{"position":1}' in [line.replace(" ", "") for line in lines]
    others = [line for line in lines if not LOG_LINE.match(line)]
    assert [line for line in others if line and '"position"' not in line] == []
    assert "\x1b" not in "".join(lines)


def test_a_line_that_is_wider_than_the_terminal_is_cut(tmp_path: Path) -> None:
    terminal = Terminal(columns=30)
    run = LiveRun(tmp_path, terminal)
    try:
        run.write(*singer.records("events", [nami.impression(1)]))
        run.terminal.read_until("1 record read: 1 delivered; ")
        assert len(run.terminal.lines()[-1]) <= 30
        run.end()
    finally:
        run.kill()
        terminal.close()
