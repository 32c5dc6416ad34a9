"""The command `retry`: delivers a rejects file again."""

from __future__ import annotations

import datetime as dt
import typing as t
from pathlib import Path

import click

from target_amplitude_nami.commands.command import WRONG, configured
from target_amplitude_nami.singer import interpreter
from target_amplitude_nami.singer.retry.retry import retry
from target_amplitude_nami.text import counted, printable

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.commands.output import Output
    from target_amplitude_nami.singer.retry.result import RetryResult


def _moment(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> dt.datetime | None:
    """Return a day or a time, in UTC where it names no other."""
    if value is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is not a time such as 2026-06-01 or 2026-06-01T08:00Z"
        ) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)


@click.command(
    "retry",
    epilog="Example: amplitude-nami retry --config config.json --reason"
    " user_id_too_short",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--reason",
    "reasons",
    multiple=True,
    metavar="REASON",
    help="Only records that were rejected for this reason. May be given several times.",
)
@click.option(
    "--since",
    callback=_moment,
    metavar="TIME",
    help="Only records that were rejected at that time or later, such as 2026-06-01 or"
    " 2026-06-01T08:00Z; in UTC where no time zone is given.",
)
@click.option(
    "--dry-run", is_flag=True, help="Say what would happen; send and change nothing."
)
@configured
def command(  # noqa: PLR0913 - its arguments and options
    configuration: Configuration,
    output: Output,
    *,
    file: Path | None,
    reasons: tuple[str, ...],
    since: dt.datetime | None,
    dry_run: bool,
) -> int:
    """Deliver a rejects file again, with the present settings.

    FILE is a rejects file; without it, that of `rejects_path`. Records that are
    delivered, filtered, held or known as duplicates leave it. Those that are rejected
    again stay, each with its new reason, and so do all that were not chosen. Ends with
    1 when records were rejected again.
    """
    interpreter.tune()
    result, exit_code = retry(
        configuration.values, file, reasons=reasons, since=since, dry_run=dry_run
    )
    output.result(result, _lines(result))
    if result.error is not None:
        output.note(f"amplitude-nami retry: {result.error}")
    if exit_code is not None:
        return exit_code
    return WRONG if result.failed_again or result.error is not None else 0


def _lines(result: RetryResult) -> Iterator[str]:
    file = printable(result.file)
    if result.outcome == "disabled":
        yield f"`enabled` is false: nothing was sent, and {file} is as it was"
        return
    if not result.before:
        yield f"no rejects in {file}"
        return
    total, tried = sum(result.before.values()), sum(result.tried.values())
    if not result.tried:
        yield f"{file}: {counted(total, 'reject')}, none of which was selected"
    elif result.outcome == "interrupted":
        yield f"{file}: {counted(total, 'reject')}, {tried:,} to try; interrupted"
    else:
        would = "would be tried" if result.dry_run else "tried"
        yield f"{file}: {counted(total, 'reject')}, {tried:,} {would} again"
    yield from _table(result)
    yield from _outcomes(result)
    for name, count in result.of_other_integrations.items():
        yield (
            f"{counted(count, 'reject')} of integration {name!r} left alone: retry "
            f"with the settings of that integration"
        )


def _table(result: RetryResult) -> Iterator[str]:
    reasons = [*result.before, *(r for r in result.after if r not in result.before)]
    width = max(map(len, map(printable, reasons)))
    yield f"  {'':{width}}{'before':>10}{'tried':>10}{'after':>10}"
    for reason in reasons:
        counts = (result.before, result.tried, result.after)
        figures = "".join(f"{each.get(reason, 0):>10,}" for each in counts)
        yield f"  {printable(reason):{width}}{figures}"


def _outcomes(result: RetryResult) -> Iterator[str]:
    if not result.tried:
        return
    parts = [
        f"{count:,} {name}"
        for name in ("delivered", "filtered", "held", "duplicate")
        if (count := getattr(result, name))
    ]
    parts.append(f"{result.failed_again:,} rejected again")
    prefix = "dry run, nothing was sent: " if result.dry_run else ""
    yield f"{prefix}{', '.join(parts)}"
    if result.released:
        yield (
            f"{counted(result.released, 'record')} of these waited in the memory file "
            f"until now"
        )
    if not result.after and not result.dry_run:
        yield f"{printable(result.file)} has no records left and was removed"
