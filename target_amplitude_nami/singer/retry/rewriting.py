"""Makes the lines of a rejects file after a retry."""

from __future__ import annotations

import typing as t
from bisect import bisect_right
from collections import Counter

from target_amplitude_nami.singer.reject_reading import (
    NeededSchemas,
    RejectLine,
    read_reject_line,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_amplitude_nami.singer.retry.reject_filter import RejectFilter
    from target_amplitude_nami.singer.retry.rejected_again import RejectedAgain


class SettledLines:
    """Which lines of the file are settled, whatever ended the retry."""

    def __init__(self, all_before: int, marks: Iterable[tuple[int, bool]] = ()) -> None:
        """Take how far it came.

        Args:
            all_before: All lines before it are settled.
            marks: Of later ones, in order: a line, and whether those from the mark
                before it on are settled.
        """
        self._all_before = all_before
        marks = list(marks)
        self._ends = [end for end, _ in marks]
        self._are_settled = [is_settled for _, is_settled in marks]

    @property
    def are_none(self) -> bool:
        """Whether no line is settled."""
        return self._all_before <= 0 and not any(self._are_settled)

    def has(self, number: int) -> bool:
        """Return whether a line is settled."""
        if number < self._all_before:
            return True
        at = bisect_right(self._ends, number)
        return at < len(self._ends) and self._are_settled[at]


class Rewriting:
    """The new lines of the file, and how many records they hold by reason."""

    def __init__(
        self,
        *,
        lines: int,
        reject_filter: RejectFilter,
        rejected_again: RejectedAgain,
        settled: SettledLines,
        note_place: Callable[[str, bytes, int], None] | None = None,
    ) -> None:
        """Take what became of the old ones.

        Args:
            lines: How many the file had; what comes behind was appended meanwhile.
            reject_filter: Which were tried again.
            rejected_again: Which were rejected again.
            settled: Which need not be tried once more.
            note_place: Takes the stream and the line of each record that stays, and
                where it stands from now on.
        """
        self._lines = lines
        self._reject_filter = reject_filter
        self._rejected_again = rejected_again
        self._settled = settled
        self._note_place = note_place
        self.after: Counter[str] = Counter()
        """The records of the new file by reason; set by the way."""
        self.left = 0
        """How many records have left the file."""

    def __call__(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the new lines.

        Args:
            lines: The old ones, with those that were appended meanwhile.
        """
        self.after.clear()
        self.left = at = 0
        for line, head in self._kept(lines):
            if head is not None and head.is_record:
                self.after[head.reason] += 1
                if self._note_place is not None:
                    self._note_place(head.stream, line.rstrip(b"\r\n"), at)
            at += len(line)
            yield line

    def _kept(
        self, lines: Iterator[bytes]
    ) -> Iterator[tuple[bytes, RejectLine | None]]:
        schemas = NeededSchemas()
        for number, old in enumerate(lines):
            line = old if old.endswith(b"\n") else old + b"\n"
            head = read_reject_line(line)
            if head is None:
                continue
            if head.is_schema:
                schemas.take(head.stream, line)
                continue
            is_new = False
            if number < self._lines and self._reject_filter.takes(head):
                new = self._rejected_again.get(number)
                if new is not None:
                    line, head, is_new = new, _read(new), True
                elif self._settled.has(number):
                    self.left += 1
                    continue
            for schema in schemas.before(head.stream, makes_one=is_new):
                yield schema, None
            yield line, head


def _read(line: bytes) -> RejectLine:
    return t.cast("RejectLine", read_reject_line(line))
