"""Names the commands of `amplitude-nami` so that they work when they are pasted."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    import click

_PROGRAM: t.Final = "amplitude-nami"
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
    if (loader := _loader()) is not None:
        return shlex.join(["meltano", "invoke", f"{loader}:{subcommand}", *arguments])
    import click  # noqa: PLC0415 - the library can do without

    context = click.get_current_context(silent=True)
    given = context.meta.get(_GIVEN, ()) if context else ()
    config = [word for path in given for word in ("--config", path)]
    return shlex.join([*_program(), subcommand, *config, *arguments])


def local_tool(path: os.PathLike[str]) -> str:
    """Return the command line that shows what a local Amplitude has kept.

    Args:
        path: Its file, which Meltano has in the settings of the loader.
    """
    if _loader() is not None:
        return tool("local")
    return shlex.join([*_program(), "local", os.fspath(path)])


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


def _loader() -> str | None:
    return os.environ.get("MELTANO_LOADER_NAME") or None


def _program() -> list[str]:
    """Return how a shell finds the program: its script may not be on `PATH`."""
    if shutil.which(_PROGRAM):
        return [_PROGRAM]
    script = Path(sys.executable).with_name(_PROGRAM)
    if os.access(script, os.X_OK):
        return [str(script)]
    return [sys.executable, "-m", "target_amplitude_nami.commands"]
