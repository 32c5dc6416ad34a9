"""Runs `amplitude-nami reconcile`: is all that was delivered in Amplitude?"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import typing as t
from pathlib import Path

import click

from target_amplitude_nami.commands.account_url import AccountUrl
from target_amplitude_nami.commands.command import WRONG, configured
from target_amplitude_nami.commands.reconcile.arguments import (
    Arguments,
    Hour,
    check_arguments,
    check_outputs,
)
from target_amplitude_nami.commands.reconcile.comparing import Reconciliation
from target_amplitude_nami.commands.reconcile.presentation import lines_of
from target_amplitude_nami.errors import ConfigurationError

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.commands.output import Output
    from target_amplitude_nami.settings import Settings

_FILE: t.Final = click.Path(path_type=Path)


@click.command(
    "reconcile",
    short_help="Compare what was delivered with what Amplitude has.",
    epilog="Example: amplitude-nami reconcile --config config.json"
    " --start 2026-11-23 --end 2026-11-29 --ids findings.jsonl",
)
@click.option(
    "--start",
    type=Hour(is_end=False),
    help="The first day or hour in UTC, such as 2026-11-23 or 2026-11-23T14, in which"
    " events were delivered. Default: that of the first delivery in the memory file.",
)
@click.option(
    "--end",
    type=Hour(is_end=True),
    help="The last day or hour, itself included. Default: the newest that can be"
    " compared, about four hours ago.",
)
@click.option(
    "--input",
    "source",
    metavar="FILE",
    help="Compare what this Singer input maps to, also its times, users and"
    " properties; - for standard input. Without it, the memory file is compared.",
)
@click.option(
    "--resend",
    "out",
    type=_FILE,
    metavar="OUT",
    help="Write the records of missing events to OUT, for the target to read, and"
    " forget in the memory file that they were delivered. Needs --input.",
)
@click.option(
    "--ids",
    type=_FILE,
    metavar="FILE",
    help="Write each event with a finding to FILE, as JSON, one per line.",
)
@click.option(
    "--export-url",
    type=AccountUrl(),
    metavar="URL",
    help="Another address of the Export API, such as that of a local Amplitude.",
)
@configured
def command(configuration: Configuration, output: Output, **given: t.Any) -> int:
    """Compare what was delivered with what Amplitude's Export API says that it has.

    Needs the project's `secret_key` beside its `api_key`. It reads the memory file
    (`memory_path`) or, with --input, the records that were sent. Exit code 0: all of it
    is in Amplitude; 1: something is missing, differs, or was not compared.
    """
    arguments = Arguments(**given)
    check_arguments(arguments)
    settings = configuration.settings
    check_settings(settings, arguments)
    check_outputs(arguments, configuration, settings)
    with _ended_by_sigterm(), contextlib.ExitStack() as stack:
        found = Reconciliation(configuration, settings, arguments, output, stack).run()
    output.result(found, lines_of(found))
    return 0 if found.clean else WRONG


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Have SIGTERM leave no half-written file behind, as Ctrl-C leaves none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def check_settings(settings: Settings, arguments: Arguments) -> None:
    """Check that there is something to compare, and that Amplitude can be asked.

    Raises:
        ConfigurationError: When not.
    """
    problems = []
    if settings.memory_path is None and arguments.source is None:
        problems.append(
            "There is nothing to compare: set `memory_path`, the file in which runs "
            "note what they delivered, or give --input."
        )
    if settings.memory_path is None and arguments.out is not None:
        problems.append("--resend needs `memory_path`, which knows what was delivered.")
    if settings.endpoint_url is not None:
        if settings.secret_key is None:
            problems.append(
                "`secret_key` is missing: the Export API needs the project's secret "
                "key beside `api_key` (Amplitude: Settings, Projects)."
            )
        if settings.api_key is None:
            problems.append("`api_key` is missing.")
    if problems:
        raise ConfigurationError(problems)
