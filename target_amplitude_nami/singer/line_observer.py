"""Rehearses a run line by line, so that an observer sees the outcome of each line."""

from __future__ import annotations

import contextlib
import logging
import typing as t

from target_amplitude_nami.explanation.case import Seen
from target_amplitude_nami.singer.input_lines import Line, records_of_batch
from target_amplitude_nami.singer.rehearsal import rehearse

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Origin, Project, Refusal
    from target_amplitude_nami.singer.target import TargetAmplitudeNami

Lines: t.TypeAlias = "Callable[[], Iterable[Line]]"
"""Reads the input from its beginning."""


class LineObserver:
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

    def after(self, line: Line) -> bool:  # noqa: ARG002 - for subclasses
        """Look at what is known after a line; return whether to read on."""
        return True

    # As `accounting.rehearsal.Observer`

    def on_event(self, project: Project, event: EncodedEvent) -> None:
        """Note an event that a run would send."""
        seen = Seen(outcome="sent", body=event.body, project=project)
        self.on_outcome(event.origin, seen, event)

    def on_filtered(self, origin: Origin, reason: str) -> None:
        """Note a record that the settings leave out."""
        self.on_outcome(origin, Seen(outcome="filtered", reason=reason))

    def on_rejected(self, origin: Origin, refusal: Refusal) -> None:
        """Note a record that cannot be delivered."""
        seen = Seen(outcome="rejected", reason=refusal.reason, refusal=refusal)
        self.on_outcome(origin, seen)

    def on_held(self, origin: Origin, _user_id: str) -> None:
        """Note a record that would wait for an External ID."""
        self.on_outcome(origin, Seen(outcome="held", reason="anonymous_user"))

    def on_duplicate(self, origin: Origin) -> None:
        """Note a record whose event Amplitude had before."""
        self.on_outcome(origin, Seen(outcome="duplicate", reason="duplicate"))

    def on_outcome(
        self, origin: Origin, seen: Seen, event: EncodedEvent | None = None
    ) -> None:
        """Note a record, whatever becomes of it."""


def observe_lines(
    config: Mapping[str, object], lines: Lines, observer: LineObserver
) -> None:
    """Rehearse a run line by line, so that each outcome is known to be of its line.

    Raises:
        AmplitudeNamiError: When a run would fail.
    """

    def numbered() -> Iterator[bytes]:
        settle = observer.target.run.pipeline.flush
        schemes = observer.target.settings.batch_schemes
        for each in lines():
            may_be_batch = b'"BATCH"' in each.message
            for line in records_of_batch(each, schemes) if may_be_batch else [each]:
                observer.line = line
                observer.before(line)
                yield line.message
                settle()
                if not observer.after(line):
                    return

    with _quietly():
        rehearse(config, numbered(), observer, observer.begin)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keep the rehearsal from the log."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(level)
