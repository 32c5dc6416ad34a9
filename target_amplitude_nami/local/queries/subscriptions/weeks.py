"""Divides a range into weeks."""

from __future__ import annotations

from typing import Final, NamedTuple

from target_amplitude_nami.local.queries.selection import (
    FIRST_MOMENT,
    LAST_MOMENT,
    Selection,
)

DAY: Final = 86_400_000
_MONDAY: Final = 4
"""1970 began with a Thursday."""
_MOST: Final = 120


class Weeks(NamedTuple):
    """The weeks of a range, or stretches of so many weeks where it has very many."""

    first_day: int
    """The first day with data in the range, in days since 1970."""
    end_day: int
    """The day after the last one."""
    starts: list[int]
    """Their first days, each a Monday."""
    days: int
    """How long each is."""

    def place_of(self, day: int) -> int:
        """Return in which of them a day is."""
        return (day - self.starts[0]) // self.days


def days_of(selection: Selection) -> tuple[int, int]:
    """Return the first day of a selection and the one after its last."""
    return selection.since // DAY, -(-selection.until // DAY)


def weeks_of(selection: Selection, first: int | None, last: int | None) -> Weeks:
    """Return the weeks of a selection.

    Args:
        selection: The range asked for.
        first: The time of the first event; None if there is none.
        last: The time of the last event.
    """
    if first is None or last is None:
        return Weeks(0, 0, [], 7)
    since, until = days_of(selection)
    first_day = first // DAY if selection.since == FIRST_MOMENT else since
    end_day = last // DAY + 1 if selection.until == LAST_MOMENT else until
    first_day, end_day = max(first_day, first // DAY), min(end_day, last // DAY + 1)
    if first_day >= end_day:
        return Weeks(0, 0, [], 7)
    monday = (first_day - _MONDAY) // 7 * 7 + _MONDAY
    days = 7 * (1 + (end_day - monday) // (7 * _MOST))
    return Weeks(first_day, end_day, list(range(monday, end_day, days)), days)
