"""Counts of records by outcome, at one moment."""

from __future__ import annotations

import dataclasses
import typing as t
from collections import Counter

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OUTCOMES: t.Final = ("delivered", "filtered", "rejected", "held", "duplicate")
OUTCOMES_WITH_REASONS: t.Final = ("filtered", "rejected")
MOST_IDS_NAMED: t.Final = 5

_Key = t.TypeVar("_Key")


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """The outcomes so far, by report key and where it helps by reason."""

    read: Mapping[str, int]
    delivered: Mapping[str, int]
    filtered: Mapping[tuple[str, str], int]
    rejected: Mapping[tuple[str, str], int]
    held: Mapping[str, int]
    duplicate: Mapping[str, int]
    released: int = 0
    """How many of those read came out of the store, not out of the input."""
    id_conflicts: int = 0
    """How many duplicates are other events than those whose id and device they have."""
    conflicting_ids: tuple[str, ...] = ()
    """The first insert ids of such."""
    late: int = 0
    """How many of those delivered were kept from user properties for being late."""
    without_user_id: int = 0
    """How many of those delivered name a device alone."""
    users: int = 0
    """How many different Nami users those delivered are of; without one, devices."""
    are_users_exact: bool = True
    """Whether `users` is exact, not about right."""
    newest_ms: int | None = None
    """When the newest event happened that was delivered, ms since 1970."""

    def __add__(self, other: Counts) -> Counts:
        """Return the counts of both; no user is of both."""
        ids = dict.fromkeys([*self.conflicting_ids, *other.conflicting_ids])
        newest = [ms for ms in (self.newest_ms, other.newest_ms) if ms is not None]
        return Counts(
            _sum(self.read, other.read),
            _sum(self.delivered, other.delivered),
            _sum(self.filtered, other.filtered),
            _sum(self.rejected, other.rejected),
            _sum(self.held, other.held),
            _sum(self.duplicate, other.duplicate),
            released=self.released + other.released,
            id_conflicts=self.id_conflicts + other.id_conflicts,
            conflicting_ids=tuple(ids)[:MOST_IDS_NAMED],
            late=self.late + other.late,
            without_user_id=self.without_user_id + other.without_user_id,
            users=self.users + other.users,
            are_users_exact=self.are_users_exact and other.are_users_exact,
            newest_ms=max(newest, default=None),
        )

    @property
    def open(self) -> int:
        """The number of records that are not settled."""
        settled = sum(count for _, _, _, count in self.rows())
        return sum(self.read.values()) - settled

    def rows(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield each outcome, report key, reason (or empty) and count."""
        for outcome in OUTCOMES:
            counts: Mapping[t.Any, int] = getattr(self, outcome)
            for key, count in counts.items():
                has_reason = outcome in OUTCOMES_WITH_REASONS
                report_key, reason = key if has_reason else (key, "")
                yield outcome, report_key, reason, count

    def by_report_key(self) -> dict[str, dict[str, int]]:
        """Return how many records of each report key were read and had each outcome."""
        table = {
            key: {"read": count} | dict.fromkeys(OUTCOMES, 0)
            for key, count in sorted(self.read.items())
        }
        for outcome, report_key, _, count in self.rows():
            table[report_key][outcome] += count
        return table

    def by_reason(self, outcome: str) -> dict[str, int]:
        """Return the counts of an outcome by reason, the largest first."""
        reasons: Counter[str] = Counter()
        for each, _, reason, count in self.rows():
            if each == outcome:
                reasons[reason] += count
        return dict(reasons.most_common())


def _sum(one: Mapping[_Key, int], other: Mapping[_Key, int]) -> dict[_Key, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}


NO_COUNTS: t.Final = Counts({}, {}, {}, {}, {}, {})
"""Where nothing was read."""
