"""Explains one record of the input: rehearses a run up to it, and looks into that.

What becomes of a record depends on the records before it. So these are read, too: once
to find the record, once to see what is known when it is its turn, and, only where
something is known from earlier records, once more to see from which.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import signal
import sys
import threading
import typing as t

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude.event import target_of
from target_amplitude_nami.errors import AmplitudeNamiError, UnreadableRecord
from target_amplitude_nami.explanation.case import MEMORY, Case, Origins, Seen
from target_amplitude_nami.explanation.explainer import Place, explain
from target_amplitude_nami.explanation.provenance import Builder
from target_amplitude_nami.nami.deleted import DeletedRows
from target_amplitude_nami.outcomes import dedup_key
from target_amplitude_nami.pipeline.identity import Unnamed, identify, user_key_of
from target_amplitude_nami.singer.rehearsal import rehearse
from target_amplitude_nami.singer.stream_mapper import transform
from target_amplitude_nami.singer.wanted import (
    Line,
    RecordLine,
    record_in,
    records_of_batch,
)
from target_amplitude_nami.store.profiles import UNKNOWN_USER

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from singer_sdk.mapper import StreamMap

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.explanation.model import Explanation
    from target_amplitude_nami.nami.model import NamiEvent, NamiUser
    from target_amplitude_nami.outcomes import Origin, Project, Refusal
    from target_amplitude_nami.singer.sink import NamiSink
    from target_amplitude_nami.singer.target import TargetAmplitudeNami

    Read: t.TypeAlias = Callable[[Mapping[str, t.Any]], NamiEvent | NamiUser | None]

Lines: t.TypeAlias = "Callable[[], Iterable[Line]]"
"""Reads the input from its beginning."""


class Watcher:
    """Sees what becomes of the records of each line of a rehearsal."""

    def __init__(self) -> None:
        """Start before the first line."""
        self.line: Line | None = None
        """The one that is being read."""

    def begin(self, target: TargetAmplitudeNami) -> None:
        """Take what reads the lines."""
        self.target = target

    def before(self, line: Line) -> None:
        """Look at what is known when a line is about to be read."""

    def after(self, line: Line) -> bool:  # noqa: ARG002 - for those that look
        """Look at what is known after a line; return whether to read on."""
        return True

    # As `accounting.rehearsal.Observer`

    def on_event(self, project: Project, event: EncodedEvent) -> None:
        """Watch an event that a run would send."""
        seen = Seen(outcome="sent", body=event.body, project=project)
        self.on_outcome(event.origin, seen, event)

    def on_filtered(self, origin: Origin, reason: str) -> None:
        """Watch a record that the settings leave out."""
        self.on_outcome(origin, Seen(outcome="filtered", reason=reason))

    def on_rejected(self, origin: Origin, refusal: Refusal) -> None:
        """Watch a record that cannot be delivered."""
        seen = Seen(outcome="rejected", reason=refusal.reason, refusal=refusal)
        self.on_outcome(origin, seen)

    def on_held(self, origin: Origin, _user_id: str) -> None:
        """Watch a record that would wait for an External ID."""
        self.on_outcome(origin, Seen(outcome="held", reason="anonymous_user"))

    def on_duplicate(self, origin: Origin) -> None:
        """Watch a record whose event Amplitude had before."""
        self.on_outcome(origin, Seen(outcome="duplicate", reason="duplicate"))

    def on_outcome(
        self, origin: Origin, seen: Seen, event: EncodedEvent | None = None
    ) -> None:
        """Watch a record, whatever becomes of it."""


def watch(config: Mapping[str, object], lines: Lines, watcher: Watcher) -> None:
    """Rehearse a run line by line, so that each outcome is known to be of its line.

    Raises:
        AmplitudeNamiError: When a run would fail.
        KeyboardInterrupt: When a signal has ended it.
    """

    def numbered() -> Iterator[bytes]:
        settle = watcher.target.run.pipeline.flush
        schemes = watcher.target.settings.batch_schemes
        for each in lines():
            may_be_batch = b'"BATCH"' in each.message
            for line in records_of_batch(each, schemes) if may_be_batch else [each]:
                watcher.line = line
                watcher.before(line)
                yield line.message
                settle()
                if not watcher.after(line):
                    return

    with _quietly():
        report = rehearse(config, numbered(), watcher, watcher.begin)
    if report.outcome == "interrupted":
        raise KeyboardInterrupt


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep the rehearsal from the log, and give the signals back afterwards."""
    is_main = threading.current_thread() is threading.main_thread()
    handlers = [(n, signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM)]
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(level)
        if is_main:
            for number, handler in handlers:
                signal.signal(number, handler)


class _Capture(Watcher):
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
                self.case = _case_of(self.target, self.found)

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


class _History(Watcher):
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
        KeyboardInterrupt: When a signal has ended the reading.
    """
    capture = _Capture(at)
    try:
        watch(config, lines, capture)
    except AmplitudeNamiError:
        if capture.seen is None:  # else only what the run says at its end
            raise
    found, seen, case = capture.found, capture.seen, capture.case
    if found is None or seen is None:
        return None
    if case is not None and _depends_on_others(case, seen):
        history = _History(at, case, _project_of(case))
        with contextlib.suppress(AmplitudeNamiError):
            watch(config, lines, history)
        case = dataclasses.replace(case, origins=history.origins)
    place = Place(source, *at, found.stream, capture.more)
    return explain(case, seen, place=place, earlier=found.rejected, text=found.text)


def _depends_on_others(case: Case, seen: Seen) -> bool:
    return (
        seen.outcome == "duplicate"
        or case.newest_sent is not None
        or case.known != UNKNOWN_USER
    )


def _case_of(target: TargetAmplitudeNami, found: RecordLine) -> Case | None:
    """Return a record with all that is known just before it is read."""
    record = found.record
    if record is None:
        return None
    ways = target.ways_of(found.stream)
    read: Read = _reading(*ways[0]) if ways else _reads_nothing
    nami, unreadable = None, None
    try:
        nami = read(record)
    except UnreadableRecord as error:
        unreadable = error
    except Exception:  # noqa: BLE001, S110 - an expression of a stream map has failed
        pass
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
