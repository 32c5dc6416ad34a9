"""What all subcommands share: their options, exit codes, and how they fail."""

from __future__ import annotations

import contextlib
import functools
import sys
import typing as t

import click

from target_amplitude_nami.commands.configuration import read_configuration
from target_amplitude_nami.commands.output import Output
from target_amplitude_nami.errors import (
    AmplitudeNamiError,
    ConfigurationError,
    OutputUnwritable,
)
from target_amplitude_nami.tools import note_config

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_amplitude_nami.commands.configuration import Configuration

WRONG: t.Final = 1
"""The exit code when something is wrong; click exits with 2 for wrong arguments."""


def configured(
    run: Callable[..., int],
    read: Callable[[Iterable[str]], Configuration] = read_configuration,
) -> Callable[..., None]:
    """Give a command `--config` and `--json`, and exit with the code that it returns.

    An error of this package is printed as one line, or one for each mistake in the
    settings, and the exit code is 1.

    Args:
        run: Takes the configuration, where to print, and the command's own parameters.
        read: Reads the configuration.
    """

    @click.option(
        "--config",
        "paths",
        multiple=True,
        metavar="FILE",
        help="A JSON file of settings, as for the target; ENV for the environment"
        " variables. May be given several times.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
    @functools.wraps(run)
    def command(*, paths: tuple[str, ...], as_json: bool, **parameters: t.Any) -> None:
        output = Output(as_json=as_json)
        note_config(click.get_current_context(), paths)
        try:
            configuration = read(paths)
            output = Output(as_json=as_json, secrets=configuration.secrets)
            code = run(configuration, output, **parameters)
        except AmplitudeNamiError as error:
            fail(output, error)
        sys.exit(code)

    return command


def fail(output: Output, error: AmplitudeNamiError) -> t.NoReturn:
    """Print an error, and exit with 1."""
    problems: tuple[str, ...] = (str(error),)
    if isinstance(error, ConfigurationError):
        problems = error.problems
    is_written = False
    if output.as_json:
        with contextlib.suppress(OutputUnwritable):
            output.result({"error": " ".join(problems), "problems": problems}, ())
            is_written = True
    if not is_written:
        name = click.get_current_context().command_path
        for problem in problems:
            output.note(f"{name}: {problem}")
    sys.exit(WRONG)
