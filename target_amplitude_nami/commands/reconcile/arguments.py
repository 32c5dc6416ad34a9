"""The arguments of `reconcile`, and what they must not be."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import click

from target_amplitude_nami.commands.taken_files import is_same_file, taken_files
from target_amplitude_nami.errors import ConfigurationError

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.settings import Settings

_DAYS: t.Final = ("%Y-%m-%d", "%Y%m%d")
_HOURS: t.Final = ("%Y-%m-%dT%H", "%Y%m%dT%H")
_YEARS: t.Final = range(2000, 3000)
"""Others are slips, and the last ones have no hour after them."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What the command was asked for."""

    start: dt.datetime | None
    end: dt.datetime | None
    source: str | None
    """The input; `-` for standard input."""
    out: Path | None
    """Where records go that are to be sent again."""
    ids: Path | None
    export_url: str | None


class Hour(click.ParamType):  # type: ignore[type-arg] # of newer versions
    """A day or an hour in UTC."""

    name = "hour"

    def __init__(self, *, is_end: bool) -> None:
        """Take whether a day stands for its last hour."""
        self._is_end = is_end

    @override
    def convert(
        self, value: t.Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.datetime:
        if isinstance(value, dt.datetime):
            return value
        for form in (*_HOURS, *_DAYS):
            with contextlib.suppress(ValueError):
                hour = dt.datetime.strptime(value, form).replace(tzinfo=dt.UTC)
                if hour.year in _YEARS:
                    is_last = form in _DAYS and self._is_end
                    return hour.replace(hour=23) if is_last else hour
        return self.fail(
            f"{value!r} is not a day or hour in UTC, such as 2026-11-23 or "
            f"2026-11-23T14",
            param,
            ctx,
        )


def check_arguments(arguments: Arguments) -> None:
    """Refuse arguments that do not go together.

    Raises:
        click.UsageError: With what is wrong.
    """
    start, end = arguments.start, arguments.end
    if start is not None and end is not None and end < start:
        raise click.UsageError("--end is before --start")
    if arguments.out is not None and arguments.source is None:
        raise click.UsageError("--resend needs --input, which has the records")


def check_outputs(
    arguments: Arguments, configuration: Configuration, settings: Settings
) -> None:
    """Refuse to write where something else is kept.

    Raises:
        ConfigurationError: With a line for each such file.
    """
    outputs = [
        (option, path)
        for option, path in (("--ids", arguments.ids), ("--resend", arguments.out))
        if path is not None
    ]
    problems = []
    taken = [*taken_files(configuration, settings, arguments.source)]
    for option, path in outputs:
        use = next((use for use, other in taken if is_same_file(path, other)), None)
        try:
            problem = use or _problem_with(path, is_new=option == "--resend")
        except OSError as error:  # a name that is too long
            problem = f"cannot be written ({error.strerror})"
        if problem is not None:
            problems.append(f"{option} {path} {problem}: name another file")
        taken.append((f"is the file of {option}", path))
    if problems:
        raise ConfigurationError(problems)


def _problem_with(path: Path, *, is_new: bool) -> str | None:
    """Return why a file cannot be written, if it cannot."""
    folder = Path(os.path.realpath(path)).parent
    if path.is_dir():
        return "is a folder"
    if not folder.is_dir():
        return "is in a folder that does not exist"
    if not os.access(folder, os.W_OK | os.X_OK):
        return "is in a folder that cannot be written"
    if path.exists() and not path.is_file():
        return "is not a regular file"
    if is_new and path.exists() and path.stat().st_size:
        return "exists, and may hold records that the target has yet to read"
    return None
