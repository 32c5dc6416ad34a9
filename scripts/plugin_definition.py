"""Describes the target to Meltano: its settings and commands, as it declares them.

The settings come from what `target-amplitude-nami --about --format=json` prints, the
commands from the help of `amplitude-nami`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from target_amplitude_nami.commands.main import main as amplitude_nami

LOADER = "target-amplitude-nami"
COMMANDS = "amplitude-nami"
_LONGEST_HELP = 100


class Setting(msgspec.Struct, frozen=True):
    """One property of the target's JSON schema."""

    title: str = ""
    description: str = ""
    type: str | list[str] = "string"
    default: Any = None
    enum: list[str | None] = []
    secret: bool = False

    @property
    def kind(self) -> str:
        """The first JSON type that is not null."""
        types = [self.type] if isinstance(self.type, str) else self.type
        return next(name for name in types if name != "null")

    @property
    def options(self) -> list[str]:
        """The allowed values of a setting that has few."""
        return [value for value in self.enum if value is not None]


class Settings(msgspec.Struct, frozen=True):
    """The target's JSON schema."""

    properties: dict[str, Setting]


class About(msgspec.Struct, frozen=True):
    """The answer of `--about`, as far as the documents have it."""

    capabilities: list[str]
    settings: Settings


def declared() -> About:
    """Return what the installed target declares."""
    command = Path(sys.executable).with_name(LOADER)
    answer = subprocess.run(  # noqa: S603 - the project's own command
        [command, "--about", "--format=json"], check=True, stdout=subprocess.PIPE
    )
    return msgspec.json.decode(answer.stdout, type=About)


def meltano_setting(name: str, setting: Setting) -> dict[str, Any]:
    """Return one setting in Meltano's terms (Meltano, Plugin Definition Syntax)."""
    definition: dict[str, Any] = {"name": name}
    if setting.title:
        definition["label"] = setting.title
    definition["kind"] = "options" if setting.options else setting.kind
    if setting.options:
        definition["options"] = [{"label": o, "value": o} for o in setting.options]
    if setting.secret:
        definition["sensitive"] = True
    if setting.default is not None:
        definition["value"] = setting.default
    definition["description"] = setting.description
    return definition


def meltano_commands(folder: str = "") -> dict[str, dict[str, str]]:
    """Return the subcommands of `amplitude-nami` in Meltano's terms.

    Args:
        folder: Where the command is, such as `.venv/bin/`; nothing for the environment
            that Meltano makes for the loader.
    """
    context = click.Context(amplitude_nami)
    return {
        name: {
            "args": f"{name} --config ENV",
            "description": command.get_short_help_str(_LONGEST_HELP).rstrip("."),
            "executable": f"{folder}{COMMANDS}",
        }
        for name in amplitude_nami.list_commands(context)
        if (command := amplitude_nami.get_command(context, name))
    }
