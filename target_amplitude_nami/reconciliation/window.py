"""Decides which hours are compared, and which ones Amplitude is asked for."""

from __future__ import annotations

import datetime as dt
import typing as t
from dataclasses import dataclass

from target_amplitude_nami.amplitude.export_api import last_exportable
from target_amplitude_nami.amplitude.hours import HOUR, Span, hour_of

_EPOCH: t.Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """The hours of a comparison.

    An event counts by the hour in which its first delivery was noted. Amplitude counts
    it by when it got it: earlier where a request was repeated, and later where the
    clocks differ. So some hours around are asked for, too.
    """

    span: Span
    """Empty when none of the hours can be compared yet."""
    asked: Span
    """What Amplitude is asked for."""
    left_out: Span | None
    """The hours that were wanted, but that cannot be compared yet."""
    is_open: bool
    """Whether no end was given: all that was delivered later counts as left out."""

    @property
    def since(self) -> int:
        """Its first moment, ms since 1970."""
        return _milliseconds(self.span.start)

    @property
    def until(self) -> int:
        """The first moment after it, ms since 1970."""
        return _milliseconds(self.span.end + HOUR)

    @property
    def wanted_until(self) -> int | None:
        """The first moment after the hours that were wanted; None: there is no end."""
        if self.is_open:
            return None
        return _milliseconds((self.left_out or self.span).end + HOUR)

    def is_too_new(self, delivered: int) -> bool:
        """Return whether an event was delivered in hours that are left out."""
        until = self.wanted_until
        return delivered >= self.until and (until is None or delivered < until)


def window_of(
    start: dt.datetime,
    end: dt.datetime | None,
    *,
    now: dt.datetime,
    is_immediate: bool,
    retry_for: float,
) -> Window:
    """Return the hours to compare.

    Args:
        start: The first hour.
        end: The last hour; None: the newest that can be compared, which is the one
            before the newest that can be exported.
        now: The time.
        is_immediate: Whether the newest hour can be exported, as from a local
            Amplitude.
        retry_for: How long a request may be repeated, in seconds.
    """
    exported = hour_of(now) if is_immediate else last_exportable(now)
    newest = exported if is_immediate else exported - HOUR
    last = newest if end is None else min(end, newest)
    left_out = None
    if end is not None and end > newest and not is_immediate:
        left_out = Span(max(start, newest + HOUR), end)
    before = HOUR * max(1, -(-int(retry_for) // 3600))
    return Window(
        Span(start, last),
        Span(start - before, min(last + HOUR, exported)),
        left_out,
        end is None,
    )


def moment_of(milliseconds: int) -> dt.datetime:
    """Return a time in ms since 1970 as a moment."""
    return _EPOCH + dt.timedelta(milliseconds=milliseconds)


def _milliseconds(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)
