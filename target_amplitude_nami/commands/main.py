"""The command `amplitude-nami`, which loads the subcommand that is asked for."""

from __future__ import annotations

import importlib
import os
import sys
import typing as t

import click

from target_amplitude_nami.commands.meltano import without_separator
from target_amplitude_nami.commands.output import drop_unwritten_output

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

_SUBCOMMANDS: t.Final[dict[str, str]] = {
    "check": "target_amplitude_nami.commands.check.command",
    "explain": "target_amplitude_nami.commands.explain",
    "plan": "target_amplitude_nami.commands.plan",
    "load": "target_amplitude_nami.commands.load.command",
    "retry": "target_amplitude_nami.commands.retry",
    "reconcile": "target_amplitude_nami.commands.reconcile",
    "forget": "target_amplitude_nami.commands.forget.command",
    "local": "target_amplitude_nami.commands.local",
}
"""The module of each subcommand, whose `command` it is; in the order of their use."""


class _Subcommands(click.Group):
    """Loads a subcommand when it is used: each needs other parts of the package."""

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_SUBCOMMANDS)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _SUBCOMMANDS.get(cmd_name)
        if module is None:
            return None
        found: click.Command = importlib.import_module(module).command
        return found

    @override
    def main(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        try:
            return super().main(*args, **kwargs)
        except OSError as error:  # of click, which prints help texts
            drop_unwritten_output()
            sys.exit(f"amplitude-nami: {error}")

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, without_separator(args, os.environ))


@click.command(
    cls=_Subcommands, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(package_name="target-amplitude-nami")
def main() -> None:
    """Check, explain and prove what target-amplitude-nami sends to Amplitude.

    Each subcommand takes the settings of the target: `--config FILE`, `--config ENV`,
    or both. It ends with 0, with 1 when something is wrong, and with 2 for wrong
    arguments.
    """
