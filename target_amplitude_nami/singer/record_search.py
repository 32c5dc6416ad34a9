"""Finds records of an input by their ids, or by what became of them."""

from __future__ import annotations

import sys
import typing as t
from collections import Counter

from target_amplitude_nami.explanation.found import names_id
from target_amplitude_nami.singer.input_lines import record_in
from target_amplitude_nami.singer.line_observer import (
    LineObserver,
    Lines,
    observe_lines,
)

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.explanation.case import Seen
    from target_amplitude_nami.outcomes import Origin
    from target_amplitude_nami.singer.input_lines import Line

_MOST_LISTED: t.Final = 20


class RecordSearch(LineObserver):
    """The lines whose records match, and what else there is."""

    def __init__(
        self,
        *,
        event_id: str | None = None,
        reason: str | None = None,
        number: int | None = None,
        only_first: bool = False,
    ) -> None:
        """Take what is looked for.

        Args:
            event_id: An event's id, or its insert id.
            reason: Why records are not sent.
            number: A line, of which there are several records if it is a BATCH message.
            only_first: Whether to look no further than the first that matches.
        """
        super().__init__()
        self._event_id = None if event_id is None else event_id.strip()
        self._reason = reason
        self._number = number
        self._only_first = only_first
        self._spelt = (self._event_id or "").lower().encode()
        self.places: list[tuple[int, int]] = []
        """The first of them."""
        self.count = 0
        """How many records match."""
        self.lines_read = 0
        self.reasons: Counter[str] = Counter()
        """Of all records that are not sent, now or when they were rejected."""
        self._earlier: str | None = None
        self._matches = False

    @override
    def before(self, line: Line) -> None:
        self.lines_read = line.number
        self._matches = line.number == self._number
        self._earlier = None
        if b'"rejected"' in line.message:
            found = record_in(line.message)
            if found is not None and found.rejected is not None:
                self._earlier = found.rejected.reason
                self.reasons[self._earlier] += 1
                self._matches |= self._earlier == self._reason

    @override
    def after(self, line: Line) -> bool:
        if self._matches:
            self.count += 1
            if len(self.places) < _MOST_LISTED:
                self.places.append(line.place)
        if self._number is not None:
            return line.number <= self._number
        return not (self._only_first and self.count)

    @override
    def on_outcome(
        self, origin: Origin, seen: Seen, event: EncodedEvent | None = None
    ) -> None:
        if self.line is None or origin.held is not None:
            return
        if seen.reason and seen.reason != self._earlier:
            self.reasons[seen.reason] += 1
        if self._reason is not None:
            self._matches |= seen.reason == self._reason
        elif self._event_id is None:
            return
        elif event is not None and event.sent_event.insert_id == self._event_id:
            self._matches = True
        elif self._spelt in self.line.message.lower():
            self._matches |= self._names_id(event)

    def _names_id(self, event: EncodedEvent | None) -> bool:
        """Return whether the line names the id as its event's, in whatever spelling."""
        if event is not None:
            return event.sent_event.insert_id.lower() == (self._event_id or "").lower()
        found = None if self.line is None else record_in(self.line.message)
        if found is None:
            return False
        if found.record is None:
            return True  # unreadable text with the id in it
        return names_id(found.record, self._event_id or "")


def search_records(
    config: Mapping[str, object], lines: Lines, found: RecordSearch
) -> None:
    """Read the whole input, and note what matches.

    Raises:
        AmplitudeNamiError: When a run would fail.
    """
    observe_lines(config, lines, found)
