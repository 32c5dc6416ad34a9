"""Names the commands of `amplitude-nami` as they are called for a run's settings."""

from __future__ import annotations

import os
import shlex
import typing as t

import click

if t.TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_GIVEN: t.Final = "target_amplitude_nami.config"
"""Under which `click` keeps what `--config` was given."""


def note_config(context: click.Context, given: Iterable[str]) -> None:
    """Note what `--config` was given, for the commands that messages name."""
    context.meta[_GIVEN] = tuple(given)


def tool(subcommand: str, *arguments: str) -> str:
    """Return the command line of a tool with the settings of this run.

    Meltano gives the target a file of settings that is gone after the run, so it has to
    call the tool, too.

    Args:
        subcommand: As `explain`.
        arguments: Its own arguments.
    """
    loader = os.environ.get("MELTANO_LOADER_NAME")
    if loader:
        return shlex.join(["meltano", "invoke", f"{loader}:{subcommand}", *arguments])
    context = click.get_current_context(silent=True)
    given = context.meta.get(_GIVEN, ()) if context else ()
    config = [word for path in given for word in ("--config", path)]
    return shlex.join(["amplitude-nami", subcommand, *config, *arguments])


def advice_on_rejects(
    path: Path, *, explain: Iterable[str] = (), retry: Iterable[str] = ()
) -> str:
    """Return a sentence for people: where rejects are, and what to do with them.

    Args:
        path: Where they are; no tool reads what is not a file.
        explain: More arguments of `explain`.
        retry: Arguments of `retry`.
    """
    where = f"They are in {path}, each with the reason"
    if not path.is_file():
        return where
    shows = tool("explain", "--input", str(path), *explain)
    return (
        f"{where}: `{shows}` shows what is wrong. Once the cause is gone, "
        f"`{tool('retry', *retry)}` delivers them"
    )
