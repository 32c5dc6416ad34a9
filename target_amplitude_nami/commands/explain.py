"""Runs `amplitude-nami explain`: shows one record's whole way to Amplitude."""

from __future__ import annotations

import contextlib
import typing as t

import click
import msgspec

from target_amplitude_nami.commands.command import WRONG, configured
from target_amplitude_nami.commands.singer_input import RepeatableInput
from target_amplitude_nami.errors import NothingRecognised
from target_amplitude_nami.explanation.model import Explanation
from target_amplitude_nami.explanation.wording import lines_of
from target_amplitude_nami.singer.explaining import explain_line
from target_amplitude_nami.singer.finding import Found, find, first_record, line_at
from target_amplitude_nami.singer.wanted import what_is
from target_amplitude_nami.text import counted, did_you_mean, printable

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.commands.output import Output

_MOST_SHOWN: t.Final = 10


class Answer(msgspec.Struct, frozen=True):
    """What the command prints with `--json`."""

    explanation: Explanation
    matching: int
    """How many lines match what was asked for."""
    lines: tuple[int, ...]
    """The first of these."""


@click.command(
    "explain",
    short_help="Show one record's whole way.",
    epilog="Example: amplitude-nami explain --config config.json --input input.singer"
    " --line 2",
)
@click.option(
    "--input",
    "source",
    required=True,
    metavar="FILE",
    help="Singer messages, a rejects file, or webhooks as JSON, one a line; - for"
    " standard input.",
)
@click.option("--id", "event_id", metavar="EVENT_ID", help="The event of this id.")
@click.option(
    "--line", "number", type=click.IntRange(1), help="The record on this line."
)
@click.option(
    "--reason",
    metavar="REASON",
    help="The first record that is rejected, filtered or held for this reason, now or"
    " when it came into the rejects file.",
)
@configured
def command(  # noqa: PLR0913 - its options
    configuration: Configuration,
    output: Output,
    *,
    source: str,
    event_id: str | None,
    number: int | None,
    reason: str | None,
) -> int:
    """Show what becomes of one record of an input, step by step, and why.

    The first record, unless one is chosen by --id, --line or --reason. The records
    before it are read, too, as what is known of a user depends on them; nothing is
    sent, and no file is changed.
    """
    if [event_id, number, reason].count(None) < 2:  # noqa: PLR2004 - one of three
        raise click.UsageError("Choose by one of --id, --line and --reason.")
    config = configuration.values
    with RepeatableInput(source) as given:
        found = Found(event_id=event_id, reason=reason)
        if number is not None:
            return _explain(config, output, given, [number], 1)
        if event_id is None and reason is None:
            first = first_record(given.lines)
            if first is None:
                return _nothing(output, f"{given.name} holds no record")
            return _explain(config, output, given, [first], 0)
        with contextlib.suppress(NothingRecognised):
            find(config, given.lines, found)
        if not found.count:
            return _nothing(output, _no_match(given.name, found, event_id, reason))
        return _explain(config, output, given, found.lines, found.count)


def _explain(
    config: t.Mapping[str, object],
    output: Output,
    given: RepeatableInput,
    lines: list[int],
    count: int,
) -> int:
    number = lines[0]
    explanation = explain_line(config, given.lines, number, source=given.name)
    if explanation is None:
        line, last = line_at(given.lines, number)
        if line is None:
            what = f"has {counted(last, 'line')}, so there is no line {number:,}"
        else:
            what = f"line {number:,} {what_is(line.message)}"
        return _nothing(output, f"{given.name}{', ' if line else ' '}{what}")
    answer = Answer(explanation, count, tuple(lines) if count else (number,))
    output.result(answer, [*lines_of(explanation), *_further(lines, count)])
    return 0


def _further(lines: list[int], count: int) -> Iterator[str]:
    if not count:
        yield ""
        yield "Others: --id EVENT_ID, --line NUMBER or --reason REASON."
    elif count > 1:
        shown = ", ".join(f"{line:,}" for line in lines[1 : _MOST_SHOWN + 1])
        more = ", …" if count > _MOST_SHOWN + 1 else ""
        others = counted(count - 1, "other matches", "others match")
        yield ""
        yield f"{others}: --line {shown}{more}"


def _no_match(name: str, found: Found, event_id: str | None, reason: str | None) -> str:
    lines = counted(found.lines_read, "line")
    reasons = ", ".join(
        f"{each} ({count:,})" for each, count in found.reasons.most_common()
    )
    if reason is None:
        return f"none of the {lines} of {name} holds an event with the id {event_id}"
    there_are = f"; there are {reasons}" if reasons else "; all records are sent"
    return (
        f"none of the {lines} of {name} is there for the reason {reason}{there_are}."
        f"{did_you_mean(reason, found.reasons)}"
    )


def _nothing(output: Output, text: str) -> int:
    """Print that there is nothing to explain; return the exit code."""
    if output.as_json:
        output.result({"error": text}, ())
    else:
        name = click.get_current_context().command_path
        output.note(f"{name}: {printable(text)}")
    return WRONG
