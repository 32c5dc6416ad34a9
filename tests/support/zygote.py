"""Commands as real processes that start at once: forks of one that has them loaded.

Starting Python and loading the target takes half a second; a hundred runs would take a
minute for that alone.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import functools
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, Self

import click

from target_amplitude_nami.commands.main import main
from target_amplitude_nami.singer.target import TargetAmplitudeNami
from tests.support.environment import clean_environment, needs_an_interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

_ROOT = Path(__file__).parents[2]
_NUMBER = struct.Struct("i")
_LONGEST_MESSAGE = 1 << 17
TARGET: Final = "target-amplitude-nami"
COMMAND: Final = "amplitude-nami"
_SECONDS: Final = 60
_CONTEXT: Final = click.Context(main)


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
        # Messages stay whole.
        self._control, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
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
        """Start a run of the target; its output goes to `stdout` and `stderr` there.

        Args:
            folder: Made when it is not there; paths in the settings start in it.
            config: Settings.
            stdin: Descriptor of the input.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config))
        command = [TARGET, "--config", "config.json"]
        return self.start(command, folder, folder, stdin, clean_environment())

    def start(
        self,
        command: Sequence[str],
        folder: Path,
        output: Path,
        stdin: int,
        environment: Mapping[str, str],
    ) -> Running:
        """Start one of the two commands.

        Args:
            command: Its name and arguments.
            folder: Working directory.
            output: Where its files `stdout` and `stderr` are made.
            stdin: Descriptor of the input.
            environment: All its environment variables.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        files = [os.open(output / name, flags) for name in ("stdout", "stderr")]
        news, theirs = os.pipe()
        message = json.dumps([command, str(folder), dict(environment)]).encode()
        socket.send_fds(self._control, [message], [stdin, *files, theirs])
        for descriptor in (*files, theirs):
            os.close(descriptor)
        pid = _NUMBER.unpack(os.read(news, _NUMBER.size))[0]
        return Running(pid, output, news)


def run_to_end(
    command: Path,
    arguments: Sequence[str],
    folder: Path,
    stdin: bytes,
    environment: Mapping[str, str] | None,
) -> subprocess.CompletedProcess[bytes]:
    """Run one of the two commands to its end: as a fork, where that is no matter.

    Args:
        command: Its path.
        arguments: Its arguments.
        folder: Working directory.
        stdin: What its standard input, a pipe, gives.
        environment: Variables beside those of a user; Python itself may read them.

    Raises:
        TimeoutExpired: When it takes longer; it is killed.
    """
    clean = clean_environment(environment)
    if not needs_an_interpreter(environment):
        return _run_forked([command.name, *arguments], folder, stdin, clean, _SECONDS)
    return subprocess.run(
        [command, *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=_SECONDS,
        env=clean,
    )


@functools.cache
def _shared() -> Zygote:
    zygote = Zygote()
    zygote.__enter__()
    atexit.register(zygote.__exit__, None, None, None)
    return zygote


def _run_forked(
    command: Sequence[str],
    folder: Path,
    stdin: bytes,
    environment: Mapping[str, str],
    seconds: float,
) -> subprocess.CompletedProcess[bytes]:
    """Run one of the two commands to its end, as `subprocess.run` would.

    Args:
        command: Its name and arguments.
        folder: Working directory.
        stdin: What its standard input, a pipe, gives.
        environment: All its environment variables.
        seconds: How long it may take.

    Raises:
        TimeoutExpired: When it takes longer; it is killed.
    """
    read, write = os.pipe()
    with TemporaryDirectory() as output:
        try:
            running = _shared().start(command, folder, Path(output), read, environment)
        finally:
            os.close(read)
        feeder = threading.Thread(target=_feed, args=(write, stdin), daemon=True)
        feeder.start()
        code = running.wait(seconds)
        if code is None:
            running.kill(signal.SIGKILL)
            raise subprocess.TimeoutExpired(command, seconds)
        feeder.join()
        files = [(Path(output) / name).read_bytes() for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess(command, code, *files)


def _feed(descriptor: int, content: bytes) -> None:
    # The process may end without having read everything.
    with (
        contextlib.suppress(BrokenPipeError),
        os.fdopen(descriptor, "wb", buffering=0) as pipe,
    ):
        view = memoryview(content)
        while view:
            view = view[pipe.write(view) :]


def _serve(control: socket.socket) -> None:
    for name in main.list_commands(_CONTEXT):
        main.get_command(_CONTEXT, name)  # loads it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _LONGEST_MESSAGE, 4)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            command, folder, environment = json.loads(message)
            _watch(command, folder, environment, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _watch(
    command: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    descriptors: Sequence[int],
) -> None:
    """Fork into a command, send its process id, and its exit code when it has ended."""
    *standard, news = descriptors
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(news)
        for number, descriptor in enumerate(standard):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        _become(*command)
    for descriptor in standard:
        os.close(descriptor)
    os.write(news, _NUMBER.pack(pid))
    _, status = os.waitpid(pid, 0)
    os.write(news, _NUMBER.pack(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _become(name: str, *arguments: str) -> None:
    sys.argv = [str(Path(sys.executable).with_name(name)), *arguments]
    command = {TARGET: TargetAmplitudeNami.cli, COMMAND: main}[name]
    command(list(arguments), prog_name=name)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
