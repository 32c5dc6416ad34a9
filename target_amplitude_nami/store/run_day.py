"""Decides which day purging goes by, also under a wrong clock."""

from __future__ import annotations

import datetime as dt
import typing as t

import msgspec

MOST_DAYS_AHEAD: t.Final = 40
"""A run may come so long after the one before, such as a monthly one."""
_SLACK_DAYS: t.Final = 1


class RunDay(msgspec.Struct, frozen=True):
    """The days of one run, since 1970."""

    today: int
    """What is seen in this run is remembered from here on."""
    purge_as_of: int
    """Never later than what earlier runs and their data had come to: one run under a
    wrong clock purges nothing that would not have been purged anyway."""
    last_run_day: int
    """What later runs go by."""
    warning: str | None = None


def reckon(machine: int, last_run: int | None, newest_event: int | None) -> RunDay:
    """Return the days of a run.

    Args:
        machine: The day by the machine's clock.
        last_run: `last_run_day` of the run before, if there was one.
        newest_event: The day of the newest event that earlier runs delivered.
    """
    known = max((day for day in (last_run, newest_event) if day is not None), default=0)
    if not known:
        return RunDay(machine, machine, machine)
    if machine >= known - _SLACK_DAYS:
        warning = None
        if machine - known > MOST_DAYS_AHEAD:
            warning = (
                f"The machine's clock says {_date(machine)}, {machine - known} days "
                f"after all that the memory file knows of: check it. Nothing is "
                f"purged by it in this run"
            )
        last_run = min(machine, known + MOST_DAYS_AHEAD)
        return RunDay(
            max(machine, known), min(machine, known), max(known, last_run), warning
        )
    if (
        newest_event is not None
        and abs(machine - newest_event) <= _SLACK_DAYS
        and last_run is not None
    ):
        # Events of this very day: it was the earlier run that had a wrong clock.
        return RunDay(
            last_run,
            machine,
            machine,
            f"The memory file was used under a clock of {_date(last_run)}, and it is "
            f"{_date(machine)}: nothing was purged because of that",
        )
    return RunDay(
        known,
        machine,
        known,
        f"The machine's clock says {_date(machine)}, but the memory file was used or "
        f"has events of {_date(known)}: check the clock. Nothing is purged in this run",
    )


def _date(day: int) -> str:
    try:
        return (dt.date(1970, 1, 1) + dt.timedelta(days=day)).isoformat()
    except OverflowError:
        return f"day {day:,} after 1970"
