"""Checks what a run has sent to a local Amplitude: the findings of its page."""

from __future__ import annotations

import sqlite3
import typing as t
from contextlib import closing

import click

from target_amplitude_nami.destinations import local_amplitude
from target_amplitude_nami.errors import InputUnreadable
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.commands.output import Output
    from target_amplitude_nami.local.queries.findings.finding import Findings

_SHOWN: t.Final = {"problem": "✗", "warning": "!", "note": "·"}


def check_local(
    output: Output, file: Path, *, rejects: Path | None, report: Path | None
) -> bool:
    """Print the findings about a local Amplitude's file.

    Args:
        output: Where to print.
        file: The file.
        rejects: The rejects file of the run; None for the one that it noted.
        report: Its report; likewise.

    Returns:
        Whether there is no finding of the worst severity.

    Raises:
        InputUnreadable: When it is not the file of a local Amplitude.
        ConfigurationError: When packages of the local Amplitude are missing.
    """
    local_amplitude()  # says which packages are missing
    from target_amplitude_nami.local.queries.findings.finding import (  # noqa: PLC0415
        as_json,
    )
    from target_amplitude_nami.local.queries.findings.findings import (  # noqa: PLC0415
        find,
    )
    from target_amplitude_nami.local.queries.reader import Reader  # noqa: PLC0415
    from target_amplitude_nami.local.run_note import RunFiles  # noqa: PLC0415

    try:
        with closing(Reader(file).connect()) as connection:
            connection.execute("BEGIN")
            found = find(connection, RunFiles(report, rejects))
    except (OSError, sqlite3.Error) as error:
        raise InputUnreadable(f"{file} cannot be read ({error})") from error
    is_ok = not found.has_problem
    output.result({"ok": is_ok, "file": str(file), **as_json(found)}, _lines(found))
    return is_ok


def only_with_local(**options: object) -> None:
    """Refuse options that only go with `--local`.

    Raises:
        click.UsageError: When one of them is given.
    """
    given = [f"--{name}" for name, value in options.items() if value is not None]
    if given:
        raise click.UsageError(f"{given[0]} needs --local")


def _lines(found: Findings) -> Iterator[str]:
    for each in found.findings:
        yield f"{_SHOWN[each.severity]} {each.text}"
        yield f"  {each.advice}"
    if found.findings and found.good:
        yield ""
    for good in found.good:
        yield f"✓ {good.text}"
    yield ""
    counts = {
        severity: sum(each.severity == severity for each in found.findings)
        for severity in _SHOWN
    }
    numbers = ", ".join(counted(n, severity) for severity, n in counts.items())
    yield f"{numbers}, {len(found.good):,} found good"
