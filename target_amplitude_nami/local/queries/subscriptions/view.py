"""Puts together what the view Subscriptions shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries.selection import Selection, type_numbers
from target_amplitude_nami.local.queries.subscriptions.answer import (
    Line,
    Subscriptions,
)
from target_amplitude_nami.local.queries.subscriptions.money import money
from target_amplitude_nami.local.queries.subscriptions.users import (
    breakdowns,
    funnel,
    statuses,
)
from target_amplitude_nami.local.queries.subscriptions.weeks import DAY, weeks_of
from target_amplitude_nami.local.queries.time_buckets import (
    NARROW,
    buckets_of,
    counts_in,
    first_and_last,
)
from target_amplitude_nami.local.run_note import read_note

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

# The Nami events that each line counts; their types may have a prefix, or another name.
_LINES: Mapping[str, tuple[str, ...]] = {
    "trial starts": ("user.journey.trial.started",),
    "conversions": ("user.journey.trial.converted",),
    "purchases": ("user.subscription.purchased",),
    "renewals": (
        "user.subscription.renewed",
        "user.subscription.renewal_in_grace_period",
    ),
    "cancellations": ("user.subscription.cancelled",),
    "expirations": ("user.subscription.expired",),
}


def subscriptions(
    connection: sqlite3.Connection,
    selection: Selection,
) -> Subscriptions:
    """Return how subscriptions come and go, and what they bring in."""
    types = type_numbers(connection, listed=True)
    buckets = buckets_of(connection, selection, types, NARROW)
    note = read_note(connection)
    renamed = {} if note is None else note.renamed
    known = {number: renamed.get(name, name) for number, name in types.items()}
    lines = [
        Line(name, counts_in(buckets, connection, selection, _ending(known, ends)))
        for name, ends in _LINES.items()
    ]
    weeks = weeks_of(selection, *first_and_last(connection, types))
    steps, payers = funnel(connection, selection)
    by_week, totals = money(connection, selection, weeks)
    return Subscriptions(
        since=weeks.first_day * DAY if weeks.starts else None,
        until=weeks.end_day * DAY if weeks.starts else None,
        bucket=buckets.length,
        starts=buckets.starts,
        series=lines,
        funnel=steps,
        payers=payers,
        breakdowns=breakdowns(connection, selection),
        weeks=[start * DAY for start in weeks.starts],
        week=weeks.days * DAY,
        money=by_week,
        totals=totals,
        statuses=statuses(connection, weeks),
    )


def _ending(types: Mapping[int, str], ends: tuple[str, ...]) -> list[int]:
    return [number for number, name in types.items() if name.endswith(ends)]
