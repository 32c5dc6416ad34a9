"""What became of the records of a partition, and of a job as the sum of all of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import typing as t
from collections import Counter

from target_amplitude_nami.accounting.counts import NO_COUNTS
from target_amplitude_nami.accounting.distinct import Distinct, stable_hash
from target_amplitude_nami.accounting.report import Report
from target_amplitude_nami.delivery.traffic import Traffic
from target_amplitude_nami.destinations import name_of_destination
from target_amplitude_nami.store.model import StoreFigures

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.partitions.rejects import RejectedRecord
    from target_amplitude_nami.settings import Settings

MOST_USERS_KEPT: t.Final = 1 << 12
"""Of one partition, so that its outcome stays small: 0.1 MB at most."""
_MOST_WARNINGS: t.Final = 50
_FIGURES: t.Final = re.compile(r"\d+")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of the records of one partition, or of several.

    It can be pickled, and `sum` adds up as many as there are: the sum's `report` is
    that of the whole job.
    """

    report: Report
    """The figures. The rejects are in none of the files that the settings name."""
    rejects: tuple[RejectedRecord, ...] = ()
    """What could not be delivered, as far as there was room for it."""
    rejects_left_out: int = 0
    """How many more there were, which are only counted."""
    warnings: tuple[str, ...] = ()
    """What looks wrong: of those that differ in their figures alone, the first."""
    is_any_recognised: bool = False
    """Whether a record was Nami's, though it may not have been sent."""
    is_any_foreign: bool = False
    """Whether a record was left out since it is not Nami's."""
    users: Distinct = dataclasses.field(repr=False)
    """The users of the events that were delivered."""

    def __add__(self, other: Outcome) -> Outcome:
        users = self.users + other.users
        return Outcome(
            report=_added(self.report, other.report, users),
            rejects=self.rejects + other.rejects,
            rejects_left_out=self.rejects_left_out + other.rejects_left_out,
            warnings=unlike_others(self.warnings + other.warnings),
            is_any_recognised=self.is_any_recognised or other.is_any_recognised,
            is_any_foreign=self.is_any_foreign or other.is_any_foreign,
            users=users,
        )

    def __radd__(self, other: object) -> Outcome:
        """Return the outcome itself, when `sum` starts with 0."""
        if other == 0:
            return self
        return NotImplemented

    @property
    def is_all_foreign(self) -> bool:
        """Whether records were left out since they are not Nami's, and none was."""
        return self.is_any_foreign and not self.is_any_recognised


def unlike_others(warnings: Iterable[str]) -> tuple[str, ...]:
    """Return the first of the warnings that differ in their figures alone."""
    first: dict[str, str] = {}
    for warning in warnings:
        first.setdefault(without_figures(warning), warning)
    return tuple(first.values())[:_MOST_WARNINGS]


def without_figures(warning: str) -> str:
    """Return a warning without what may differ each time it is given."""
    return _FIGURES.sub("", warning)


def no_users(most_kept: int = MOST_USERS_KEPT) -> Distinct:
    """Return a count of users that can be added to one of another process.

    Args:
        most_kept: How many hashes to keep, here and in any sum.
    """
    return Distinct(most_kept, stable_hash)


def outcome_of_nothing(settings: Settings, now: float) -> Outcome:
    """Return the outcome of a partition without records, or that is not delivered.

    Args:
        settings: The settings of the job.
        now: Seconds since 1970.
    """
    started_at = dt.datetime.fromtimestamp(now, dt.UTC)
    report = Report(
        integration=settings.integration_name,
        destination=name_of_destination(settings),
        outcome="complete" if settings.enabled else "disabled",
        started_at=started_at.isoformat(timespec="milliseconds"),
        seconds=0.0,
        counts=NO_COUNTS,
        traffic=Traffic(),
        texts_cut=0,
        store=StoreFigures(),
        is_dry_run=settings.dry_run,
    )
    return Outcome(report=report, users=no_users())


def total(settings: Settings, outcomes: Iterable[Outcome], now: float) -> Outcome:
    """Return the sum of outcomes; of none, that of nothing.

    Args:
        settings: The settings of the job.
        outcomes: Those of its partitions.
        now: When it began, in seconds since 1970.
    """
    return sum(outcomes, outcome_of_nothing(settings, now))


def _added(one: Report, other: Report, users: Distinct) -> Report:
    starts = [dt.datetime.fromisoformat(each.started_at) for each in (one, other)]
    ends = [
        start + dt.timedelta(seconds=report.seconds)
        for start, report in zip(starts, (one, other), strict=True)
    ]
    columns = Counter(one.columns_not_understood)
    columns.update(other.columns_not_understood)
    return dataclasses.replace(
        one,
        outcome=one.outcome if other.outcome == "complete" else other.outcome,
        started_at=min(starts).isoformat(timespec="milliseconds"),
        seconds=(max(ends) - min(starts)).total_seconds(),
        counts=dataclasses.replace(
            one.counts + other.counts,
            users=users.count,
            are_users_exact=users.is_exact,
        ),
        traffic=one.traffic + other.traffic,
        texts_cut=one.texts_cut + other.texts_cut,
        columns_not_understood=dict(columns),
        is_at_least=one.is_at_least or other.is_at_least,
    )
