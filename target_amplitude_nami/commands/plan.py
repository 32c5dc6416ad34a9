"""`amplitude-nami plan`: what these settings put into Amplitude."""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path

import click

from target_amplitude_nami.accounting.files import write_atomically
from target_amplitude_nami.commands.command import configured
from target_amplitude_nami.commands.plan_formats import as_csv, as_json, as_markdown
from target_amplitude_nami.commands.singer_input import read_input
from target_amplitude_nami.commands.taken_files import is_same_file, taken_files
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.pipeline.plan.seen_events import SeenEvents
from target_amplitude_nami.pipeline.plan.tracking_plan import (
    tracking_plan,
    without_examples,
)
from target_amplitude_nami.singer.rehearsal import rehearse, without_memory
from target_amplitude_nami.text import counted, printable

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.commands.output import Output
    from target_amplitude_nami.pipeline.plan.model import TrackingPlan

_EVENTS: t.Final = "events.csv"
_USER_PROPERTIES: t.Final = "user_properties.csv"
_FORMATS: t.Final = ("markdown", "json", "csv")

_MOST_NAMED: t.Final = 5
_PRIVATE: t.Final = 0o600
_PUBLIC: t.Final = 0o644


def _plan(  # noqa: PLR0913 - one for each option
    configuration: Configuration,
    output: Output,
    *,
    form: str,
    out: str | None,
    path: str | None,
    only_seen: bool,
    no_examples: bool,
) -> int:
    """Print or write the plan, and return the exit code."""
    settings = configuration.without_delivery().settings
    if out is not None:
        _check_destination(out, form, configuration, path)
    seen = None if path is None else _seen_in(path, configuration, output)
    plan = tracking_plan(settings, seen, only_seen=only_seen)
    if no_examples:
        plan = without_examples(plan)
    if only_seen and not plan.events:
        output.note("The input has nothing that would be sent.")
    if out is None:
        output.result(as_json(plan), as_markdown(plan))
        return 0
    is_private = path is not None and not no_examples
    for file, text in _files(plan, form, Path(out), output):
        write_atomically(file, text, _PRIVATE if is_private else _PUBLIC)
        output.note(f"{file} is written.")
    return 0


def _seen_in(path: str, configuration: Configuration, output: Output) -> SeenEvents:
    """Return what the events of an input have, as if none had been sent before.

    Raises:
        AmplitudeNamiError: When a run over the input would fail.
        Abort: When the user does not want to wait.
    """
    seen = SeenEvents()
    # Whatever was delivered, or is newer, is part of the plan, too.
    config = without_memory(configuration.values) | {"stale_user_properties": "send"}
    report = rehearse(config, read_input(path), seen)
    if report.outcome == "interrupted":
        raise click.Abort
    if report.rejected:
        rejected = counted(report.rejected, "record")
        them = "it" if report.rejected == 1 else "them"
        output.note(
            f"{rejected} of the input would be rejected, so the plan has nothing of "
            f"{them}: `amplitude-nami check --input {printable(path)}` says why."
        )
    return seen


def _files(
    plan: TrackingPlan, form: str, out: Path, output: Output
) -> Iterator[tuple[Path, str]]:
    """Yield the files to write, and what goes into each."""
    if form == "json":
        yield out, output.json(as_json(plan)) + "\n"
    elif form == "markdown":
        text = "".join(f"{line}\n" for line in as_markdown(plan))
        yield out, output.redacted(text)
    else:
        files = as_csv(plan)
        yield out / _EVENTS, output.redacted(files.events)
        yield out / _USER_PROPERTIES, output.redacted(files.user_properties)
        if files.left_out:
            left_out = counted(len(files.left_out), "property", "properties")
            names = ", ".join(map(printable, files.left_out[:_MOST_NAMED]))
            output.note(
                f"{left_out} left out, as a spreadsheet would take the name for a "
                f"formula: {names}{', …' * (len(files.left_out) > _MOST_NAMED)}"
            )


def _check_destination(
    out: str, form: str, configuration: Configuration, path: str | None
) -> None:
    """Refuse to write over what the run, or this command, reads and keeps.

    Raises:
        OutputUnwritable: When a file to write is one of those, or no file at all.
    """
    files = [Path(out)]
    if form == "csv":
        files = [Path(out) / name for name in (_EVENTS, _USER_PROPERTIES)]
        if Path(out).exists() and not Path(out).is_dir():
            raise OutputUnwritable(f"{out} is no folder, and CSV takes two files")
    settings = configuration.without_delivery().settings
    taken = [*taken_files(configuration, settings, path)]
    for file in files:
        use = next((use for use, other in taken if is_same_file(file, other)), None)
        if use is not None:
            raise OutputUnwritable(f"{file} {use}: choose another --out")
        if file.is_dir():
            raise OutputUnwritable(f"{file} is a folder: choose another --out")


_run = configured(_plan)


@click.command(
    short_help="Write the tracking plan that the settings produce.",
    epilog="Example: amplitude-nami plan --config config.json --format csv --out plan",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default=None,
    help="markdown (the default); json, like --json; or csv, the two files that "
    "Amplitude Data imports.",
)
@click.option(
    "--out",
    metavar="FILE|FOLDER",
    help="Write the plan there: a file, or for csv a folder.",
)
@click.option(
    "--input",
    "path",
    metavar="FILE",
    help="Add the properties that this input has: Singer messages, a rejects file, or "
    "webhooks as JSON, one a line; - for standard input. Nothing is sent.",
)
@click.option("--only-seen", is_flag=True, help="Leave out what the input has not.")
@click.option(
    "--no-examples",
    is_flag=True,
    help="Leave out example values. Those of an input are personal data.",
)
@functools.wraps(_run, assigned=())
def command(
    *, form: str | None, as_json: bool, out: str | None, **options: t.Any
) -> None:
    """Write the tracking plan: every event and property that these settings send.

    Each has its type, a description, an example and whether it is always there. What
    Nami documents is in the plan in any case; --input adds what your records have.
    """
    if as_json and form not in {None, "json"}:
        raise click.UsageError(f"--json does not go with --format {form}.")
    form = "json" if as_json else form or "markdown"
    if form == "csv" and out is None:
        raise click.UsageError("--format csv writes two files: give --out FOLDER.")
    if options["only_seen"] and options["path"] is None:
        raise click.UsageError("--only-seen needs --input.")
    _run(form=form, as_json=form == "json", out=out, **options)
