"""The target as a real process, and what a run of it left behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.environment import clean_environment
from tests.support.zygote import run_to_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TARGET = Path(sys.executable).with_name("target-amplitude-nami")
API_KEY = "0123456789abcdef0123456789abcdef"

_SECONDS = 60
_LOG_LINE = re.compile(r"^[\d-]+ [\d:,]+ \| (\w+) +\| (\S+) +\| (.*)$")


@dataclass(frozen=True, slots=True)
class TargetRun:
    """What one run of the target left behind."""

    exit_code: int
    stdout: str
    log: str
    """All that went to standard error."""
    folder: Path
    """Where it ran."""

    @property
    def states(self) -> list[Any]:
        """The STATE values on standard output, where nothing else may be."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def report(self) -> dict[str, Any]:
        """The report that `run_target` has every run write."""
        report: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return report

    @property
    def rejects(self) -> list[dict[str, Any]]:
        """The RECORD messages in the rejects file; empty without one."""
        return [m for m in self.reject_messages if m["type"] == "RECORD"]

    @property
    def reject_messages(self) -> list[dict[str, Any]]:
        """All messages in the rejects file."""
        path = self.folder / "output" / "rejects.singer"
        text = path.read_text("utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def logged(self, *levels: str) -> list[str]:
        """Return the messages of the log, of these levels or of all."""
        found = (_LOG_LINE.match(line) for line in self.log.splitlines())
        return [hit[3] for hit in found if hit and (not levels or hit[1] in levels)]


def run_target(
    folder: Path,
    config: Mapping[str, object],
    messages: bytes | Iterable[bytes] = b"",
    *,
    options: Iterable[str | Path] = (),
    environment: Mapping[str, str] | None = None,
) -> TargetRun:
    """Run the target's command in a folder until it ends.

    Args:
        folder: Working directory; `config.json` and `report.json` are written there.
        config: Settings; `report_path` is added.
        messages: Standard input.
        options: Further options of the command.
        environment: Further environment variables.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    path.write_text(json.dumps({"report_path": "report.json"} | dict(config)))
    return run_command(
        folder, ["--config", path, *options], messages, environment=environment
    )


def run_command(
    folder: Path,
    options: Iterable[str | Path],
    messages: bytes | Iterable[bytes] = b"",
    *,
    environment: Mapping[str, str] | None = None,
) -> TargetRun:
    """Run the target's command in a folder with just these options."""
    content = messages if isinstance(messages, bytes) else b"".join(messages)
    arguments = list(map(str, options))
    done = run_to_end(TARGET, arguments, folder, content, environment)
    return TargetRun(
        done.returncode, done.stdout.decode(), done.stderr.decode(), folder
    )


def run_with_pipe(folder: Path, messages: bytes) -> tuple[TargetRun, bytes]:
    """Run the target over the folder's `config.json`, with a pipe for standard input.

    Args:
        folder: Working directory.
        messages: What the pipe holds; no more than a pipe takes at once.

    Returns:
        The run, and what it has left in the pipe unread.
    """
    source, sink = os.pipe()
    os.write(sink, messages)
    os.close(sink)
    with os.fdopen(source, "rb") as pipe:
        done = subprocess.run(
            [TARGET, "--config", "config.json"],
            stdin=pipe,
            capture_output=True,
            check=False,
            cwd=folder,
            env=clean_environment(),
            text=True,
            timeout=_SECONDS,
        )
        return TargetRun(done.returncode, done.stdout, done.stderr, folder), pipe.read()
