"""`amplitude-nami` as a real process, and what it printed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.environment import clean_environment, needs_an_interpreter
from tests.support.zygote import run_forked

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = Path(sys.executable).with_name("amplitude-nami")
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class CommandRun:
    """What one run of the command printed."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """What it printed with `--json`."""
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[str]:
        """The lines of standard output."""
        return self.stdout.splitlines()


def run_command(
    folder: Path,
    *arguments: str | Path,
    config: Mapping[str, object] | None = None,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
) -> CommandRun:
    """Run `amplitude-nami` in a folder until it ends.

    Args:
        folder: Working directory.
        arguments: The subcommand and its arguments.
        config: Settings, given by `--config`: `config.json` is written in the folder.
        stdin: Standard input.
        environment: Further environment variables.
    """
    command = [*map(str, arguments)]
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
        command += ["--config", "config.json"]
    clean = clean_environment(environment)
    if needs_an_interpreter(environment):
        done = subprocess.run(
            [COMMAND, *command],
            cwd=folder,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env=clean,
        )
    else:
        done = run_forked([COMMAND.name, *command], folder, stdin, clean, _SECONDS)
    return CommandRun(done.returncode, done.stdout.decode(), done.stderr.decode())
