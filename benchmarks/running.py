"""Runs a program over an input, beside a loopback server, and measures both."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

from benchmarks.server import FIRST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import TracebackType

ROOT: Final = Path(__file__).resolve().parents[1]
TARGET: Final = Path(sys.executable).with_name("target-amplitude-nami")
PYTHON: Final = sys.executable

_OURS = ("TARGET_AMPLITUDE_NAMI_", "MELTANO_", "SINGER_SDK_")
_UNUSUAL = {"PYTHONDONTWRITEBYTECODE"}
"""Without it, a program compiles what it imports only when it starts for the first
time, as an installed one does."""
_SHOWN_OF_A_LOG = 2_000
_LONGEST_SECONDS: Final = 900
"""A program that takes longer is stuck, and must not keep the other benchmarks."""


class RunFailedError(Exception):
    """A program did not end well; the message has the end of what it said."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a server counted."""

    requests: int
    body_bytes: int
    connections: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of a program took."""

    seconds: float
    """Wall time from start to end."""
    cpu_seconds: float
    """Of all its threads, in user and system mode."""
    peak_bytes: int
    """The kernel's own peak of resident memory (`VmHWM`); 0 if it is unknown."""
    folder: Path
    """Where it ran, and what it left."""


class LoopbackServer:
    """`benchmarks.server` in a process of its own."""

    def __init__(self, *, delay_ms: int = 0, keep: Path | None = None) -> None:
        """Start nothing yet.

        Args:
            delay_ms: How long each answer takes.
            keep: A folder for the bodies of all requests, written at the end.
        """
        self._arguments = ["--delay", str(delay_ms)]
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            self._arguments += ["--keep", str(keep)]
        self._traffic: Traffic | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [PYTHON, "-m", "benchmarks.server", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        self.url = f"http://127.0.0.1:{self._say().strip()}/2/httpapi"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def wait_for_first_request(self) -> None:
        """Return as soon as a first request is there, before it is answered."""
        self._say()

    def stop(self) -> Traffic:
        """End the server; return what it counted."""
        if self._traffic is None:
            said, _ = self._process.communicate()
            counted = next(line for line in said.splitlines() if line != FIRST)
            self._traffic = Traffic(**json.loads(counted))
        return self._traffic

    def _say(self) -> str:
        return self._process.stdout.readline() if self._process.stdout else ""


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a run: this one, without settings of the target."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OURS) and name not in _UNUSUAL
    }
    return kept | {"PYTHONPATH": str(ROOT)} | more


def target(folder: Path, url: str, **settings: Any) -> list[str | Path]:
    """Return the target's command with default settings, but for the compression.

    Amplitude's own hosts get compressed requests by default, others have to ask.
    """
    config = {"endpoint": url, "api_key": "benchmark", "compression": "gzip"}
    return [TARGET, "--config", write_json(folder / "config.json", config | settings)]


def write_json(path: Path, value: object) -> Path:
    """Write a JSON file and return where it is."""
    path.write_text(json.dumps(value, indent=2) + "\n", "utf-8")
    return path


def run(
    command: Sequence[str | Path],
    source: Path | IO[bytes],
    folder: Path,
    *,
    while_running: Callable[[int], None] | None = None,
    more: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a program until it ends, its input from a file or a pipe.

    Args:
        command: The program and its arguments.
        source: Its standard input.
        folder: Its working directory.
        while_running: Called once with its process id.
        more: Environment variables.

    Raises:
        RunFailedError: When it ends with another exit code than 0.
    """
    with contextlib.ExitStack() as files:
        stdin = (
            files.enter_context(source.open("rb"))
            if isinstance(source, Path)
            else source
        )
        stdout = files.enter_context((folder / "stdout").open("wb"))
        stderr = files.enter_context((folder / "stderr").open("wb"))
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=folder,
            env=environment(**(more or {})),
        )
        too_late = threading.Timer(_LONGEST_SECONDS, process.kill)
        too_late.start()
        try:
            if while_running is not None:
                while_running(process.pid)
            _, status, used = os.wait4(process.pid, 0)
        finally:
            too_late.cancel()
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = (folder / "stderr").read_text("utf-8", "replace")[-_SHOWN_OF_A_LOG:]
        raise RunFailedError(f"{command[0]} ended with {process.returncode}:\n{said}")
    return Outcome(
        seconds, used.ru_utime + used.ru_stime, _peak_bytes(used.ru_maxrss), folder
    )


def _peak_bytes(peak: int) -> int:
    """Return a child's peak; 0 where the kernel gives it its parent's, as higher."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if peak <= own:
        return 0
    return peak * (1 if sys.platform == "darwin" else 1024)


@contextlib.contextmanager
def scratch(at: Path) -> Iterator[Path]:
    """Give a new folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(dir=at) as folder:
        yield Path(folder)


@dataclass(frozen=True, slots=True)
class Input:
    """What `benchmarks.records` is asked for."""

    count: int
    shape: str = "usual"
    users: int = 50_000
    seed: int = 0
    in_turn: bool = False

    @property
    def name(self) -> str:
        """A name for its file."""
        turns = "-in-turn" if self.in_turn else ""
        return f"{self.shape}-{self.count}-{self.users}-{self.seed}{turns}.singer"

    @property
    def command(self) -> list[str]:
        """What writes it to standard output."""
        numbers = [str(self.count), "--users", str(self.users)]
        numbers += ["--seed", str(self.seed), *(["--in-turn"] if self.in_turn else [])]
        return [PYTHON, "-m", "benchmarks.records", "--shape", self.shape, *numbers]


def make_records(wanted: Input, file: IO[bytes]) -> None:
    """Write messages, made in a process of its own."""
    subprocess.run(wanted.command, stdout=file, env=environment(), check=True)


@contextlib.contextmanager
def records_as_made(wanted: Input) -> Iterator[IO[bytes]]:
    """Give the same through a pipe, as they are made."""
    with subprocess.Popen(
        wanted.command, stdout=subprocess.PIPE, env=environment()
    ) as maker:
        yield t.cast("IO[bytes]", maker.stdout)


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
