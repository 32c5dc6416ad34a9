"""Explains one record of the input: rehearses a run up to it, and looks into that.

What becomes of a record depends on the records before it. So these are read, too: once
to find the record, once to see what is known when it is its turn, and, only where
something is known from earlier records, once more to see from which.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude.event import target_of
from target_amplitude_nami.errors import AmplitudeNamiError, UnreadableRecord
from target_amplitude_nami.explanation.case import MEMORY, Case, Origins
from target_amplitude_nami.explanation.explainer import Place, explain
from target_amplitude_nami.explanation.provenance import Builder
from target_amplitude_nami.nami.deleted import DeletedRows
from target_amplitude_nami.outcomes import dedup_key
from target_amplitude_nami.pipeline.identity import Unnamed, identify, user_key_of
from target_amplitude_nami.singer.input_lines import RecordLine, record_in
from target_amplitude_nami.singer.line_observer import (
    LineObserver,
    Lines,
    observe_lines,
)
from target_amplitude_nami.singer.stream_mapper import transform
from target_amplitude_nami.store.profiles import UNKNOWN_USER

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from singer_sdk.mapper import StreamMap

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.explanation.case import Seen
    from target_amplitude_nami.explanation.model import Explanation
    from target_amplitude_nami.nami.model import NamiEvent, NamiUser
    from target_amplitude_nami.outcomes import Origin, Project
    from target_amplitude_nami.singer.input_lines import Line
    from target_amplitude_nami.singer.sink import NamiSink
    from target_amplitude_nami.singer.target import TargetAmplitudeNami

    Read: t.TypeAlias = Callable[[Mapping[str, t.Any]], NamiEvent | NamiUser | None]


class _Capture(LineObserver):
    """Captures what is known just before a line, and what becomes of its record."""

    def __init__(self, place: tuple[int, int]) -> None:
        super().__init__()
        self._place = place
        self.case: Case | None = None
        self.found: RecordLine | None = None
        self.seen: Seen | None = None
        self.more: int = 0
        """Further outcomes: stream maps may make several records of one."""

    @override
    def before(self, line: Line) -> None:
        if line.place == self._place:
            self.found = record_in(line.message)
            if self.found is not None:
                self.case = case_of(self.target, self.found)

    @override
    def after(self, line: Line) -> bool:
        return line.place != self._place

    @override
    def on_outcome(
        self, origin: Origin, seen: Seen, event: EncodedEvent | None = None
    ) -> None:
        line = self.line
        if line is None or line.place != self._place:
            return
        if origin.held is not None:
            return  # an earlier record, which this one has released
        if self.seen is None:
            self.seen = seen
        else:
            self.more += 1


class _History(LineObserver):
    """Finds the lines from which something about a user and an event is known."""

    def __init__(self, place: tuple[int, int], case: Case, project: Project) -> None:
        super().__init__()
        self._place = place
        self._project = project
        nami = case.nami
        self._user_key = "" if nami is None else user_key_of(nami)
        self._targets, self._key = _names_of(case)
        self._facts: tuple[object, ...] = ()
        self._places = [MEMORY, MEMORY, MEMORY]
        self._is_over = False
        self.first = ""

    @override
    def before(self, line: Line) -> None:
        self._is_over = line.place == self._place
        if not self._facts:
            self._facts = self._look()

    @override
    def after(self, line: Line) -> bool:
        if self._is_over:
            return False
        facts = self._look()
        for at, (known, now) in enumerate(zip(self._facts, facts, strict=True)):
            if now != known:
                self._places[at] = f"{line}"
        self._facts = facts
        return not self._is_over

    @override
    def on_outcome(
        self, origin: Origin, seen: Seen, event: EncodedEvent | None = None
    ) -> None:
        if (
            not self.first
            and not self._is_over
            and event is not None
            and seen.project == self._project
            and event.sent_event.key == self._key
        ):
            self.first = MEMORY if self.line is None else f"{self.line}"

    def _look(self) -> tuple[object, ...]:
        store = self.target.run.store
        profile = store.users.get(self._user_key)
        newest = _newest_sent(self.target, self._project, self._targets)
        return profile.external_id, (profile.packed_state, profile.state_time), newest

    @property
    def origins(self) -> Origins:
        """What was found."""
        external_id, state, sent = self._places
        return Origins(
            external_id=external_id,
            state=state,
            sent=sent,
            first=self.first or "an earlier run",
        )


def explain_line(
    config: Mapping[str, object],
    lines: Lines,
    at: tuple[int, int],
    *,
    source: str,
) -> Explanation | None:
    """Explain the record of one line.

    Args:
        config: The settings that are given, as JSON values.
        lines: Reads the input.
        at: The line, from 1 on; and which of the records in its files, if it is a
            BATCH message, else 0.
        source: What the input is called.

    Returns:
        None where the line holds no record.

    Raises:
        AmplitudeNamiError: When a run would fail before the line is read.
    """
    capture = _Capture(at)
    try:
        observe_lines(config, lines, capture)
    except AmplitudeNamiError:
        if capture.seen is None:  # else only what the run says at its end
            raise
    found, seen, case = capture.found, capture.seen, capture.case
    if found is None or seen is None:
        return None
    if case is not None and _depends_on_others(case, seen):
        history = _History(at, case, _project_of(case))
        with contextlib.suppress(AmplitudeNamiError):
            observe_lines(config, lines, history)
        case = dataclasses.replace(case, origins=history.origins)
    place = Place(source, *at, found.stream, capture.more)
    explanation = explain(
        case, seen, place=place, earlier=found.rejected, text=found.text
    )
    notes = *_what_sends_nothing(config, explanation), *explanation.notes
    return msgspec.structs.replace(explanation, notes=notes)


def _what_sends_nothing(
    config: Mapping[str, object], explanation: Explanation
) -> Iterator[str]:
    """Yield why a run with these settings, unlike the rehearsal, sends nothing."""
    if config.get("enabled") is False:
        yield "But `enabled` is false: a run reads its input and does nothing with it."
    elif config.get("dry_run") is True and explanation.outcome == "sent":
        yield "But `dry_run` is true: a run writes the event to `dry_run_path` instead."


def _depends_on_others(case: Case, seen: Seen) -> bool:
    return (
        seen.outcome == "duplicate"
        or case.newest_sent is not None
        or case.known != UNKNOWN_USER
    )


def case_of(target: TargetAmplitudeNami, found: RecordLine) -> Case | None:
    """Return a record with all that is known just before it is read."""
    record = found.record
    if record is None:
        return None
    reads = [_reading(*way) for way in target.ways_of(found.stream)]
    tried = [(read, *_tried(read, record)) for read in reads or [_reads_nothing]]
    # Of several stream maps, the first that makes something of it.
    read, nami, unreadable = next((each for each in tried if any(each[1:])), tried[0])
    case = Case(
        settings=target.settings,
        record=record,
        size=len(jsontext.encode(record)),
        read=read,
        separator=target.separator(),
        nami=nami,
        unreadable=unreadable,
        deleted_by=_mark_of_deletion(record),
    )
    if nami is None:
        return case
    case = dataclasses.replace(
        case, known=target.run.store.users.get(user_key_of(nami))
    )
    targets, _ = _names_of(case)
    newest = _newest_sent(target, _project_of(case), targets)
    return dataclasses.replace(case, newest_sent=newest)


def _tried(
    read: Read, record: Mapping[str, t.Any]
) -> tuple[NamiEvent | NamiUser | None, UnreadableRecord | None]:
    """Return what is read of a record, or why it cannot be."""
    try:
        return read(record), None
    except UnreadableRecord as error:
        return None, error
    except Exception:  # noqa: BLE001 - an expression of a stream map has failed
        return None, None


def _mark_of_deletion(record: Mapping[str, t.Any]) -> str | None:
    rows = DeletedRows()
    marks = (name for name in record if rows.is_deleted({name: record[name]}))
    return next(marks, None)


def _reading(stream_map: StreamMap, sink: NamiSink) -> Read:
    reader = sink.new_reader()

    def read(record: Mapping[str, t.Any]) -> NamiEvent | NamiUser | None:
        mapped = transform(stream_map, dict(record))
        return None if mapped is None else reader.read(mapped)

    return read


def _reads_nothing(_record: Mapping[str, t.Any]) -> None:
    return None


def _project_of(case: Case) -> Project:
    return "sandbox" if case.is_for_sandbox else "main"


def _names_of(case: Case) -> tuple[tuple[str, ...], bytes]:
    """Return the names of a record's user and device, and the key of its event."""
    nami = case.nami
    if nami is None:
        return (), b""
    identity = identify(nami, case.known.external_id, case.settings.mapping)
    if isinstance(identity, Unnamed):
        return (), b""
    event = Builder(case).event_of(nami, case.known)
    device, user = identity.device_id, identity.user_id
    key = b"" if event is None else dedup_key(event.insert_id, device, user)
    targets = [identity.target]
    if device is not None and user is not None:
        targets.append(target_of(None, device))
    return tuple(targets), key


def _newest_sent(
    target: TargetAmplitudeNami, project: Project, names: Iterable[str]
) -> int | None:
    sent = target.run.store.sent_states[project]
    times = (sent.get(name).time for name in names)
    return max((time for time in times if time is not None), default=None)
