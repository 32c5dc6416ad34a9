"""`amplitude-nami` as a real process, and what it printed."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.zygote import run_to_end

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMAND = Path(sys.executable).with_name("amplitude-nami")


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
    done = run_to_end(COMMAND, command, folder, stdin, environment)
    return CommandRun(done.returncode, done.stdout.decode(), done.stderr.decode())
