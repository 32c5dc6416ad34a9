"""Checks an input by rehearsing a run over it: what it is, and what would be sent."""

from __future__ import annotations

import contextlib
import typing as t

from target_amplitude_nami import jsontext
from target_amplitude_nami.commands.check.run_warnings import collected_warnings
from target_amplitude_nami.commands.check.stream_tally import REST, StreamTally
from target_amplitude_nami.commands.singer_input import numbered, read_lines
from target_amplitude_nami.errors import AmplitudeNamiError, ConfigurationError
from target_amplitude_nami.outcomes import USERS
from target_amplitude_nami.pipeline.event_filter import OTHER
from target_amplitude_nami.singer.rehearsal import rehearse
from target_amplitude_nami.text import counted, printable

if t.TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator, Sequence

    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.commands.check.checklist import Checklist
    from target_amplitude_nami.commands.check.maps_part import MapKeys
    from target_amplitude_nami.commands.check.stream_tally import StreamFigures
    from target_amplitude_nami.commands.configuration import Configuration

INPUT: t.Final = "Input"
_MOST_SHOWN: t.Final = 20
_LONGEST_NAME: t.Final = 60
_BEFORE_PLAIN_RECORDS: t.Final = 0
"""The number of the SCHEMA message that `numbered` makes for them."""
_HAS_A_LINE: t.Final = "`stream_maps` has a map"
"""What is in a warning of the run that the checklist says in lines of its own."""


class Stream(t.TypedDict):
    """What became of a stream, for programs."""

    stream: str
    kinds: dict[str, int]
    shape: list[str]
    columns_used: list[str]
    properties: list[str]
    columns_not_used: list[str]
    sent: int
    sent_to_sandbox: int
    filtered: dict[str, int]
    rejected: dict[str, int]
    held: int
    duplicate: int
    released: int


class Input(t.TypedDict):
    """What became of the input, for programs."""

    read: int
    sent: int
    filtered: int
    rejected: int
    held: int
    duplicate: int
    streams: list[Stream]
    more_streams: int


def check_input(  # noqa: PLR0913 - two of them are settings
    checklist: Checklist,
    configuration: Configuration,
    path: str,
    maps: MapKeys,
    *,
    excluded: Sequence[str],
    max_rejected: int | None,
) -> Input | None:
    """Rehearse a run over an input, and add lines for what it is and what it gives.

    Args:
        checklist: Gets the lines.
        configuration: The settings; they need no API key.
        path: The input, `-` for standard input.
        maps: The keys of the stream maps: those that match no stream get a line.
        excluded: `exclude_properties`.
        max_rejected: The setting of this name.

    Returns:
        The figures; None where the input cannot be read or makes no sense.
    """
    separator = "__"
    if configuration.values.get("flattening_enabled"):
        given = configuration.values.get("flattening_separator")
        separator = given if isinstance(given, str) and given else separator
    tally = StreamTally(separator, excluded)
    report: Report | None = None
    lines = _Messages(path, tally)
    with collected_warnings() as warnings:
        try:
            report = rehearse(configuration.values, lines, tally)
        except ConfigurationError as error:
            for problem in error.problems:
                checklist.wrong(INPUT, problem)
        except AmplitudeNamiError as error:
            checklist.wrong(INPUT, str(error))
    _add_streams(checklist, tally)
    _add_warnings(checklist, warnings, has_plain_records=lines.has_plain_records)
    if report is None:
        return None
    if not report.read:
        checklist.warn(INPUT, "the input has no records")
    else:
        checklist.ok(INPUT, _summary(report))
    if max_rejected is not None and report.rejected > max_rejected:
        rejected = counted(report.rejected, "record")
        checklist.wrong(
            INPUT,
            f"{rejected} would be rejected, more than max_rejected ({max_rejected:,}) "
            f"allows, so a run would end with exit code 3",
        )
    maps.add_unmatched(checklist, [*tally.streams, *tally.streams_beyond])
    return {
        "read": report.read,
        "sent": report.delivered,
        "filtered": report.filtered,
        "rejected": report.rejected,
        "held": report.held,
        "duplicate": report.duplicate,
        "streams": [_for_programs(*each) for each in tally.streams.items()],
        "more_streams": len(tally.streams_beyond),
    }


def _add_warnings(
    checklist: Checklist, warnings: Iterable[str], *, has_plain_records: bool
) -> None:
    if has_plain_records:
        checklist.warn(
            INPUT,
            "some lines are records, not Singer messages, and are checked as if they "
            "were: a run takes only Singer messages, and would reject these lines",
        )
    for warning in warnings:
        if _HAS_A_LINE not in warning and not checklist.has(warning):
            checklist.warn(INPUT, warning)


def _summary(report: Report) -> str:
    figures = (
        (report.delivered, "to be sent"),
        (report.filtered, "filtered"),
        (report.rejected, "rejected"),
        (report.held, "held"),
        (report.duplicate, "duplicate"),
    )
    listed = ", ".join(f"{count:,} {word}" for count, word in figures)
    return f"{counted(report.read, 'record')} in all: {listed}"


class _Messages:
    """The messages of an input; notes the streams that are declared.

    Also of those without records, the names count for the stream maps.
    """

    def __init__(self, path: str, tally: StreamTally) -> None:
        self._path = path
        self._tally = tally
        self.has_plain_records = False

    def __iter__(self) -> Iterator[bytes]:
        for line in numbered(read_lines(self._path)):
            self.has_plain_records |= line.number == _BEFORE_PLAIN_RECORDS
            if b"SCHEMA" in line.message:
                self._note_stream(line.message)
            yield line.message

    def _note_stream(self, line: bytes) -> None:
        with contextlib.suppress(ValueError):
            message = jsontext.decode(line)
            if isinstance(message, dict) and message.get("type") == "SCHEMA":
                stream = message.get("stream")
                if isinstance(stream, str):
                    self._tally.note_stream(stream)


def _add_streams(checklist: Checklist, tally: StreamTally) -> None:
    for name, figures in tally.streams.items():
        shown = (
            f"the other streams ({len(tally.streams_beyond):,})"
            if name == REST
            else f"stream {_name(name)}"
        )
        if not figures.outcomes:
            checklist.ok(INPUT, f"{shown}: no record")
            continue
        checklist.ok(INPUT, f"{shown}: {_kinds(figures)}")
        if set(figures.kinds) != {OTHER}:
            _add_columns(checklist, shown, figures)
        _add_outcomes(checklist, shown, figures)


def _add_columns(checklist: Checklist, shown: str, figures: StreamFigures) -> None:
    checklist.ok(INPUT, f"{shown}: shape {', '.join(figures.forms) or 'plain columns'}")
    checklist.ok(INPUT, f"{shown}: columns used {_names(figures.used)}")
    if figures.properties:
        checklist.ok(
            INPUT, f"{shown}: become event properties {_names(figures.properties)}"
        )
    if unused := figures.unused:
        checklist.ok(INPUT, f"{shown}: columns not used {_names(unused)}")


def _add_outcomes(checklist: Checklist, shown: str, figures: StreamFigures) -> None:
    outcomes = figures.outcomes
    parts = []
    if sent := outcomes["sent"]:
        sandbox = outcomes["sent to the sandbox"]
        where = f" ({sandbox:,} to the sandbox's project)" if sandbox else ""
        parts.append(f"{sent:,} would be sent{where}")
    if filtered := outcomes["filtered"]:
        parts.append(f"{filtered:,} filtered ({_reasons(figures.filtered)})")
    if held := outcomes["held"]:
        parts.append(f"{held:,} held until an External ID comes")
    if duplicate := outcomes["duplicate"]:
        parts.append(f"{duplicate:,} duplicate")
    if figures.released:
        parts.append(f"{figures.released:,} of these come from the memory file")
    if parts:
        checklist.ok(INPUT, f"{shown}: {', '.join(parts)}")
    if outcomes["rejected"]:
        rejected = counted(outcomes["rejected"], "record")
        checklist.warn(
            INPUT,
            f"{shown}: {rejected} would be rejected ({_reasons(figures.rejected)})",
            "`amplitude-nami explain` shows why",
        )


def _kinds(figures: StreamFigures) -> str:
    users = figures.kinds[USERS]
    others = figures.kinds[OTHER]
    events = figures.kinds.total() - users - others
    parts = []
    if events:
        types = len(figures.kinds.keys() - {USERS, OTHER})
        of_types = counted(types, "type")
        parts.append(f"{counted(events, 'event')} of {of_types}")
    if users:
        parts.append(counted(users, "user record"))
    if others:
        parts.append(counted(others, "other record"))
    return ", ".join(parts)


def _reasons(reasons: Counter[str]) -> str:
    return ", ".join(
        f"{count:,} {printable(reason)}" for reason, count in reasons.most_common()
    )


def _names(names: Iterable[str]) -> str:
    listed = list(names)
    shown = ", ".join(map(_name, listed[:_MOST_SHOWN]))
    more = len(listed) - _MOST_SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown or "none"


def _name(name: str) -> str:
    return printable(name[:_LONGEST_NAME] + "…" * (len(name) > _LONGEST_NAME))


def _for_programs(name: str, figures: StreamFigures) -> Stream:
    outcomes = figures.outcomes
    return {
        "stream": name,
        "kinds": dict(figures.kinds),
        "shape": list(figures.forms),
        "columns_used": list(figures.used),
        "properties": list(figures.properties),
        "columns_not_used": figures.unused,
        "sent": outcomes["sent"],
        "sent_to_sandbox": outcomes["sent to the sandbox"],
        "filtered": dict(figures.filtered),
        "rejected": dict(figures.rejected),
        "held": outcomes["held"],
        "duplicate": outcomes["duplicate"],
        "released": figures.released,
    }
