"""The target as a real process that starts at once: a fork of one that has it loaded.

Starting Python and loading the target takes half a second; a hundred runs would take a
minute for that alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from target_amplitude_nami.singer.target import TargetAmplitudeNami
from tests.support.run_target import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_ROOT = Path(__file__).parents[2]
_NUMBER = struct.Struct("i")
_LONGEST_MESSAGE = 1 << 16


@dataclasses.dataclass
class Running:
    """One run of the target."""

    pid: int
    folder: Path
    _news: int

    def kill(self, number: int) -> None:
        """Send a signal; it may come too late, when the run has ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, seconds: float) -> int | None:
        """Return the exit code, negative for a signal; None when it still runs."""
        ready, _, _ = select.select([self._news], [], [], max(0.0, seconds))
        if not ready:
            return None
        code = _NUMBER.unpack(os.read(self._news, _NUMBER.size))[0]
        os.close(self._news)
        return int(code)

    def wait_for(self, what: str, seconds: float = 20) -> None:
        """Wait until the log or standard output has this text."""
        until = time.monotonic() + seconds
        while what not in self.log + self.stdout:
            assert time.monotonic() < until, f"no {what!r} in:\n{self.log}"
            select.select([], [], [], 0.01)

    @property
    def stdout(self) -> str:
        """Standard output so far."""
        return (self.folder / "stdout").read_text("utf-8")

    @property
    def log(self) -> str:
        """Standard error so far."""
        return (self.folder / "stderr").read_text("utf-8")

    @property
    def states(self) -> list[Any]:
        """The STATE values so far."""
        return [json.loads(line) for line in self.stdout.splitlines()]


class Zygote:
    """A process that has loaded the target and forks into runs of it."""

    def __enter__(self) -> Self:
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                cwd=_ROOT,
                env=clean_environment(),
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._control.close()
        self._process.wait()

    def run(self, folder: Path, config: Mapping[str, object], stdin: int) -> Running:
        """Start a run in a folder; the files `stdout` and `stderr` are made there.

        Args:
            folder: Made when it is not there; paths in the settings start in it.
            config: Settings.
            stdin: Descriptor of the input.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config))
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        files = [os.open(folder / name, flags) for name in ("stdout", "stderr")]
        news, theirs = os.pipe()
        socket.send_fds(self._control, [str(folder).encode()], [stdin, *files, theirs])
        for descriptor in (*files, theirs):
            os.close(descriptor)
        pid = _NUMBER.unpack(os.read(news, _NUMBER.size))[0]
        return Running(pid, folder, news)


def _serve(control: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    while True:
        folder, descriptors, _, _ = socket.recv_fds(control, _LONGEST_MESSAGE, 4)
        if not folder:
            return
        if os.fork() == 0:
            control.close()
            _watch(folder.decode(), descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _watch(folder: str, descriptors: list[int]) -> None:
    """Fork into a run, send its process id, and its exit code when it has ended."""
    *standard, news = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(news)
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(folder)
        TargetAmplitudeNami.cli(["--config", "config.json"])
    for descriptor in standard:
        os.close(descriptor)
    os.write(news, _NUMBER.pack(pid))
    _, status = os.waitpid(pid, 0)
    os.write(news, _NUMBER.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
