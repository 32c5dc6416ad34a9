"""Spans of hours in UTC, as the Export API counts them: both ends inclusive."""

from __future__ import annotations

import datetime as dt
import typing as t
from dataclasses import dataclass

HOUR: t.Final = dt.timedelta(hours=1)
_FORM: t.Final = "%Y%m%dT%H"


@dataclass(frozen=True, slots=True)
class Span:
    """The hours from one to another, both of them included."""

    start: dt.datetime
    end: dt.datetime

    def __str__(self) -> str:
        """Return it for people."""
        if self.start == self.end:
            return f"the hour {show(self.start)}"
        return f"{show(self.start)} to {show(self.end)}"

    @property
    def hours(self) -> int:
        """How many hours it has; none or fewer when it is empty."""
        return (self.end - self.start) // HOUR + 1

    def halves(self) -> tuple[Span, Span]:
        """Return its two halves; it must have two hours or more."""
        middle = self.start + (self.hours // 2) * HOUR
        return Span(self.start, middle - HOUR), Span(middle, self.end)

    def parts(self, most_hours: int) -> list[Span]:
        """Return it in parts of so many hours or fewer."""
        found = []
        start = self.start
        while start <= self.end:
            end = min(start + (most_hours - 1) * HOUR, self.end)
            found.append(Span(start, end))
            start = end + HOUR
        return found


def hour_of(moment: dt.datetime) -> dt.datetime:
    """Return the hour that a moment belongs to."""
    return moment.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)


def show(hour: dt.datetime) -> str:
    """Return an hour for people: `2026-11-23T14`."""
    return hour.strftime("%Y-%m-%dT%H")


def parameter(hour: dt.datetime) -> str:
    """Return an hour as the API takes it: `20261123T14`."""
    return hour.strftime(_FORM)
