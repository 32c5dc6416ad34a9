"""Tracks whether anything in the input is Nami's; a run without any must fail.

A stream is recognised by its SCHEMA, by a record, a reject or a deleted row of Nami's,
or by a pattern in `event_streams` and `user_streams`. Without this, a tap that reads
the wrong tables, or spells names in another way than is expected, would make a run
that ends well and has left out everything.
"""

from __future__ import annotations

import fnmatch
import re
import typing as t

from target_amplitude_nami.nami.recognising import NamiDetector

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_MOST_STREAMS_SHOWN = 5
_MOST_COLUMNS_SHOWN = 20
_LONGEST_NAME_SHOWN = 60
_MOST_STREAMS = 1_000
"""More names are not remembered: what comes before its SCHEMA may have any name."""

_LOOKED_FOR = (
    "A Nami event has the columns `event_type` and `created_date`, or one column that "
    "holds the webhook's body with them; a Nami user has `user_id` with "
    "`active_entitlements`, `customer_journey_state`, `devices` or `external_ids`"
)


class _Pattern(t.NamedTuple):
    """A name or pattern of streams in the settings, compiled once."""

    setting: str
    text: str
    fits: Callable[[str], object]


class Recognition:
    """Tracks what is recognised, and keeps STATE back while nothing is."""

    def __init__(
        self,
        event_streams: Sequence[str],
        user_streams: Sequence[str],
        *,
        suspend_state: Callable[[], None],
        resume_state: Callable[[], None],
    ) -> None:
        """Initialise with the patterns of both settings.

        Args:
            event_streams: Of the streams that hold events.
            user_streams: Of the streams that hold users.
            suspend_state: Keeps back each STATE that comes from now on.
            resume_state: Ends that.
        """
        self._suspend_state = suspend_state
        self._resume_state = resume_state
        patterns = {"event_streams": event_streams, "user_streams": user_streams}
        self._patterns = [
            _Pattern(name, text, re.compile(fnmatch.translate(text)).match)
            for name, given in patterns.items()
            for text in given
        ]
        self._unmatched = self._patterns
        self._recognised: set[str] = set()
        self._left_out: dict[str, Sequence[str]] = {}
        """The columns seen in each stream that may make the run fail."""
        self._has_streams = False
        self.is_settled = False
        """Whether nothing can make the run fail for this any more."""

    @property
    def has_patterns(self) -> bool:
        """Whether the settings say by name which streams are Nami's."""
        return bool(self._patterns)

    def note_stream(self, stream: str, *, is_declared: bool) -> bool:
        """Take note of a stream; return whether it is known to be Nami's.

        Args:
            stream: Its name, after the stream maps.
            is_declared: Whether its SCHEMA has the columns of events or users.
        """
        self._has_streams = True
        self._unmatched = [
            pattern for pattern in self._unmatched if not pattern.fits(stream)
        ]
        if self._is_named(stream) if self.has_patterns else is_declared:
            self._recognised.add(stream)
        self._settle()
        return stream in self._recognised

    def note_nami(self, stream: str) -> None:
        """Take note of a record, a reject or a deleted row of Nami's in a stream."""
        self._recognised.add(stream)
        self._settle()

    def note_left_out(
        self, stream: str, columns: Iterable[str], looks_like_nami: Callable[[], bool]
    ) -> None:
        """Take note of a record that is left out since it is not Nami's.

        Args:
            stream: Its stream, after the stream maps.
            columns: Its columns.
            looks_like_nami: Asked where the settings say which streams are Nami's.
        """
        if self.is_settled or stream in self._left_out:
            return
        if self.has_patterns and (self._is_named(stream) or not looks_like_nami()):
            return
        if not self._left_out:
            self._suspend_state()
        if len(self._left_out) < _MOST_STREAMS:
            self._left_out[stream] = list(columns)[: _MOST_COLUMNS_SHOWN + 1]

    def note_unseen_record(
        self, stream: str, record: Mapping[str, t.Any], *, is_deleted: bool = False
    ) -> None:
        """Take note of a record that is settled before any sink has seen it.

        Args:
            stream: Its stream, after the stream maps.
            record: The record.
            is_deleted: Whether it is of a deleted row, which is no sign of a mistake.
        """
        if self.is_settled or self.note_stream(stream, is_declared=False):
            return
        is_nami = NamiDetector().looks_like_nami(record)
        if is_nami and not self.has_patterns:
            self.note_nami(stream)
        elif not is_deleted:
            self.note_left_out(stream, record, lambda: is_nami)

    def failure(self) -> str | None:
        """Return why a run whose input has ended must fail, if so."""
        if self.is_settled or not self._left_out:
            return None
        seen = _listed(
            [_shown_stream(*each) for each in self._left_out.items()],
            _MOST_STREAMS_SHOWN,
        )
        if self.has_patterns:
            patterns = _listed(
                [
                    f"{_shown(each.text)} in `{each.setting}`"
                    for each in self._unmatched
                ],
                _MOST_STREAMS_SHOWN,
            )
            return (
                f"No stream has a name that fits {patterns}, and records that look "
                f"like Nami's were not sent, so no STATE covers them. They came in "
                f"{seen}. Name these streams in `event_streams` or `user_streams` as "
                f"they are written here (upper and lower case differ), give them the "
                f"expected name with `__alias__` in `stream_maps`, or take out the "
                f"pattern that fits no stream. Then run again"
            )
        return (
            f"None of the records read is Nami's, so none was sent and no STATE covers "
            f"them. They came in {seen}. {_LOOKED_FOR}. If the tap reads the "
            f"wrong tables, select others; if columns have other names, rename them "
            f"with `stream_maps`; if a stream should hold Nami's records, name it in "
            f"`event_streams` or `user_streams`, so that each record that is not "
            f"understood is rejected with the reason. Then run again"
        )

    def warnings(self) -> list[str]:
        """Return the warnings at the end of an input that is not a failure."""
        if not self._has_streams:
            return []
        return [
            f"No stream has a name that fits {_shown(pattern.text)} in "
            f"`{pattern.setting}`. If one should have come in this run, compare the "
            f"name with the tap's"
            for pattern in self._unmatched
        ]

    def _is_named(self, stream: str) -> bool:
        return any(pattern.fits(stream) for pattern in self._patterns)

    def _settle(self) -> None:
        is_open = self._unmatched if self.has_patterns else not self._recognised
        if is_open or self.is_settled:
            return
        self.is_settled = True
        if self._left_out:
            self._resume_state()
        self._left_out.clear()


def _shown_stream(stream: str, columns: Sequence[str]) -> str:
    names = _listed([_shown(column) for column in columns], _MOST_COLUMNS_SHOWN)
    return f"stream {_shown(stream)} (columns {names})"


def _listed(items: Sequence[str], most: int) -> str:
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} and more"


def _shown(name: str) -> str:
    """Return a name in quotes, without anything that could break a line of the log."""
    cut = name if len(name) <= _LONGEST_NAME_SHOWN else name[:_LONGEST_NAME_SHOWN] + "…"
    return repr(cut)
