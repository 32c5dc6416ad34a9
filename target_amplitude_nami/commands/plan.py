"""`amplitude-nami plan`: what these settings put into Amplitude."""

from __future__ import annotations

import functools
import json
import os
import typing as t
from pathlib import Path

import click

from target_amplitude_nami.accounting.files import write_atomically
from target_amplitude_nami.commands.command import configured
from target_amplitude_nami.commands.plan_formats import as_csv, as_json, as_markdown
from target_amplitude_nami.commands.singer_input import read_input
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.pipeline.plan.seen_events import SeenEvents
from target_amplitude_nami.pipeline.plan.tracking_plan import (
    tracking_plan,
    without_examples,
)
from target_amplitude_nami.singer.rehearsal import rehearse
from target_amplitude_nami.text import counted, printable

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.commands.output import Output
    from target_amplitude_nami.pipeline.plan.model import TrackingPlan

_EVENTS: t.Final = "events.csv"
_USER_PROPERTIES: t.Final = "user_properties.csv"
_FORMATS: t.Final = ("markdown", "json", "csv")

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
    seen = None
    if path is not None:
        seen = SeenEvents()
        rehearse(configuration.values, read_input(path), seen)
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
        redacted = output.redacted(text)
        write_atomically(file, redacted, _PRIVATE if is_private else _PUBLIC)
        output.note(f"{file} is written.")
    return 0


def _files(
    plan: TrackingPlan, form: str, out: Path, output: Output
) -> Iterable[tuple[Path, str]]:
    """Yield the files to write, and what goes into each."""
    if form == "json":
        yield out, json.dumps(as_json(plan), indent=2) + "\n"
    elif form == "markdown":
        yield out, "".join(f"{line}\n" for line in as_markdown(plan))
    else:
        files = as_csv(plan)
        yield out / _EVENTS, files.events
        yield out / _USER_PROPERTIES, files.user_properties
        if files.left_out:
            left_out = counted(len(files.left_out), "property", "properties")
            names = ", ".join(printable(name) for name in files.left_out)
            output.note(
                f"{left_out} left out, as a spreadsheet would take the name for a "
                f"formula: {names}"
            )


def _check_destination(
    out: str, form: str, configuration: Configuration, path: str | None
) -> None:
    """Refuse to write over what the run, or this command, reads and keeps.

    Raises:
        OutputUnwritable: When a file to write is one of those, or no file at all.
    """
    taken = {
        os.path.realpath(source): "a file of settings"
        for source in configuration.sources.values()
    }
    settings = configuration.without_delivery().settings
    taken |= {
        os.path.realpath(file): f"the file of `{name}`"
        for name, file in vars(settings).items()
        if name.endswith("_path") and file is not None
    }
    if path not in {None, "-"}:
        taken[os.path.realpath(t.cast("str", path))] = "the input"
    names = [_EVENTS, _USER_PROPERTIES] if form == "csv" else [""]
    for file in (Path(out) / name for name in names):
        use = taken.get(os.path.realpath(file))
        if use is not None:
            raise OutputUnwritable(f"{file} is {use}: choose another --out")
        if file.is_dir():
            raise OutputUnwritable(f"{file} is a folder: choose another --out")
    if form == "csv" and Path(out).exists() and not Path(out).is_dir():
        raise OutputUnwritable(f"{out} is no folder, and CSV takes two files")


_run = configured(_plan)


@click.command(
    epilog="Example: amplitude-nami plan --config config.json --format csv --out plan"
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
