"""Runs `amplitude-nami explain`: shows what becomes of one record, and why."""

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
from target_amplitude_nami.singer.input_lines import Line, holds_records, what_is
from target_amplitude_nami.singer.line_explainer import explain_line
from target_amplitude_nami.singer.record_search import RecordSearch, search_records
from target_amplitude_nami.text import counted, did_you_mean, printable

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.commands.output import Output

_MOST_SHOWN: t.Final = 10
_HOW_TO_CHOOSE: t.Final = (
    "",
    "For another record: --id EVENT_ID, --line NUMBER or --reason REASON.",
)


class Match(msgspec.Struct, frozen=True):
    """Where a record is that matches."""

    line: int
    batch_record: int
    """Which of the records in its files, if the line is a BATCH message; else 0."""


class Answer(msgspec.Struct, frozen=True):
    """What the command prints with `--json`."""

    explanation: Explanation
    matching: int
    """How many records match what was asked for."""
    matches: tuple[Match, ...]
    """The first of these."""


@click.command(
    "explain",
    short_help="Show what becomes of one record.",
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
    before it are read, too, as what is known about a user depends on them; nothing is
    sent, and no file is changed.
    """
    if [event_id, number, reason].count(None) < 2:  # noqa: PLR2004 - one of three
        raise click.UsageError("Choose by one of --id, --line and --reason.")
    for name, text in (("--id", event_id), ("--reason", reason)):
        if text is not None and not text.strip():
            raise click.UsageError(f"{name} is empty.")
    config = configuration.values
    with RepeatableInput(source) as given:
        is_chosen = event_id or number or reason
        if not (event_id or reason):
            line, last = _line(given, number)
            if line is None or not holds_records(line.message):
                return _nothing(output, _no_record(given.name, number, line, last))
            number = line.number
        found = RecordSearch(event_id=event_id, reason=reason, number=number)
        with contextlib.suppress(NothingRecognised):
            search_records(config, given.lines, found)
        if not found.count:
            return _nothing(output, _no_match(given.name, found, event_id, reason))
        explanation = explain_line(
            config, given.lines, found.places[0], source=given.name
        )
        if explanation is None:  # a BATCH message whose records cannot be told apart
            text = f"the BATCH files of {given.name}, line {number} hold no records"
            return _nothing(output, text)
    answer = Answer(
        explanation, found.count, tuple(Match(*place) for place in found.places)
    )
    others = _others(found) if is_chosen else _HOW_TO_CHOOSE
    output.result(answer, [*lines_of(explanation), *others])
    return 0


def _line(given: RepeatableInput, number: int | None) -> tuple[Line | None, int]:
    """Return a line, or the first that holds records, and the number of the last."""
    last = 0
    for line in given.lines():
        last = line.number
        if last == number or (number is None and holds_records(line.message)):
            return line, last
    return None, last


def _no_record(name: str, number: int | None, line: Line | None, last: int) -> str:
    if line is not None:
        return f"{name}, line {line.number:,} {what_is(line.message)}"
    if number is None:
        return f"{name} holds no record"
    return f"{name} has {counted(last, 'line')}, so there is no line {number:,}"


def _others(found: RecordSearch) -> Iterator[str]:
    if found.count > 1:
        others = found.places[1 : _MOST_SHOWN + 1]
        shown = ", ".join(
            f"{number:,}" + (f" (record {part:,})" if part else "")
            for number, part in others
        )
        more = ", …" if found.count > len(others) + 1 else ""
        yield ""
        lines = "line" if found.count == 2 else "lines"  # noqa: PLR2004 - one other
        matching = ("other record matches", "other records match")
        yield f"{counted(found.count - 1, *matching)}: {lines} {shown}{more}"


def _no_match(
    name: str, found: RecordSearch, event_id: str | None, reason: str | None
) -> str:
    lines = counted(found.lines_read, "line")
    reasons = ", ".join(
        f"{each} ({count:,})" for each, count in found.reasons.most_common()
    )
    if reason is None:
        return f"none of the {lines} of {name} has an event with the id {event_id}"
    there_are = f"; the reasons are {reasons}" if reasons else "; all records are sent"
    return (
        f"none of the {lines} of {name} has the reason {reason}{there_are}."
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
