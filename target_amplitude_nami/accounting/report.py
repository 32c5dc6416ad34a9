"""The report of a run: a table for the log, and JSON."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import typing as t

import msgspec

from target_amplitude_nami.accounting.counts import OUTCOMES, OUTCOMES_WITH_REASONS
from target_amplitude_nami.outcomes import USERS
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_amplitude_nami.accounting.counts import Counts
    from target_amplitude_nami.delivery.traffic import Traffic
    from target_amplitude_nami.store.model import StoreFigures

_LONGEST_ID_SHOWN: t.Final = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """The figures of a run, complete or so far."""

    integration: str
    destination: str
    outcome: str
    """`complete`, `too_many_rejects`, `interrupted`, `failed` or `disabled`; `running`
    before the end."""
    started_at: str
    """ISO 8601, UTC."""
    seconds: float
    counts: Counts
    traffic: Traffic
    texts_cut: int
    store: StoreFigures
    columns_not_understood: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """In how many records each column was that begins like a container of Nami's, and
    is no part of it that is known."""
    is_dry_run: bool = False
    """Whether what is delivered went to a dry run's file."""
    is_at_least: bool = False
    """Whether more may have been done than is counted: some partitions of a job failed,
    and nobody knows what they delivered before."""

    @property
    def read(self) -> int:
        """Records read: those of the input, and held ones that were released."""
        return sum(self.counts.read.values())

    @property
    def delivered(self) -> int:
        """Records whose event Amplitude has."""
        return sum(self.counts.delivered.values())

    @property
    def filtered(self) -> int:
        """Records left out by the settings."""
        return sum(self.counts.filtered.values())

    @property
    def rejected(self) -> int:
        """Records that could not be delivered."""
        return sum(self.counts.rejected.values())

    @property
    def held(self) -> int:
        """Records kept in the store until their user has an External ID."""
        return sum(self.counts.held.values())

    @property
    def duplicate(self) -> int:
        """Records whose event Amplitude had before."""
        return sum(self.counts.duplicate.values())

    @property
    def events_per_second(self) -> float:
        """Events delivered a second, over the whole run."""
        return self.delivered / self.seconds if self.seconds else 0.0

    @property
    def newest_event(self) -> dt.datetime | None:
        """When the newest event happened that was delivered, UTC; None: no event."""
        newest_ms = self.counts.newest_ms
        if newest_ms is None:
            return None
        return dt.datetime.fromtimestamp(newest_ms // 1000, dt.UTC)

    def summary(self) -> str:
        """Return the report in one line."""
        text = (
            f"{counted(self.read, 'record')} read: {self.delivered:,} delivered, "
            f"{self.filtered:,} filtered, {self.rejected:,} rejected, "
            f"{self.held:,} held, {self.duplicate:,} duplicate"
        )
        if self.counts.open:
            text += f", {self.counts.open:,} open"
        rate = counted(round(self.events_per_second), "event")
        return f"{text}, in {self.seconds:.1f} s ({rate}/s)"

    def lines(self) -> Iterator[str]:
        """Yield the report as a table for the log."""
        yield f"{self.integration} -> {self.destination}: {self.outcome}"
        yield from self._table()
        for name in OUTCOMES_WITH_REASONS:
            reasons = self.counts.by_reason(name)
            if reasons:
                listed = ", ".join(f"{n:,} {reason}" for reason, n in reasons.items())
                yield f"{name}: {listed}"
        if self.columns_not_understood:
            listed = ", ".join(
                f"{name} ({n:,})" for name, n in self.columns_not_understood.items()
            )
            yield f"columns not understood: {listed}"
        yield from self._id_conflict_lines()
        yield from self._delivered_lines()
        yield from self._store_lines()
        yield self._traffic_line()
        if self.is_at_least:
            yield (
                "these figures are at least what was done: parts of the job that are "
                "not counted here may have delivered events, too"
            )
        yield self.summary()

    def _table(self) -> Iterator[str]:
        rows = self.counts.by_report_key()
        if not rows:
            return
        width = max(map(len, rows))
        columns = {name: max(10, len(name) + 2) for name in ("read", *OUTCOMES)}
        yield f"{'':{width}}" + "".join(f"{name:>{w}}" for name, w in columns.items())
        for report_key, row in rows.items():
            yield f"{report_key:{width}}" + "".join(
                f"{row[name]:>{w},}" for name, w in columns.items()
            )

    def _traffic_line(self) -> str:
        traffic = self.traffic
        parts = [counted(traffic.requests, "request")]
        if traffic.retries:
            parts.append(f"{counted(traffic.retries, 'retry', 'retries')}")
        if traffic.throttled:
            parts.append(f"{traffic.throttled:,} throttled")
        parts.append(f"{counted(traffic.body_bytes, 'byte')} sent")
        if self.texts_cut:
            parts.append(f"{counted(self.texts_cut, 'text')} cut")
        return ", ".join(parts)

    def _id_conflict_lines(self) -> Iterator[str]:
        if self.counts.id_conflicts:
            named = ", ".join(
                json.dumps(insert_id[:_LONGEST_ID_SHOWN])
                for insert_id in self.counts.conflicting_ids
            )
            yield (
                f"id_conflict: {counted(self.counts.id_conflicts, 'duplicate')} with "
                f"the id and device of another event, but another type or time; "
                f"Amplitude keeps one of the two: {named}"
            )

    def _delivered_lines(self) -> Iterator[str]:
        counts = self.counts
        users = counts.delivered.get(USERS, 0)
        parts = [
            counted(number, noun)
            for number, noun in (
                (self.delivered - users, "event"),
                (users, "user record"),
            )
            if number
        ]
        if parts:
            about = "" if counts.are_users_exact else "about "
            text = f"{' and '.join(parts)} of {about}{counted(counts.users, 'user')}"
            if users:
                text += (
                    "; a user record sets user properties and is not an event in "
                    "Amplitude"
                )
            yield f"delivered: {text}"
        parts = []
        if counts.late:
            parts.append(f"{counts.late:,} late (user properties left as they were)")
        if counts.without_user_id:
            parts.append(f"{counts.without_user_id:,} without a user id")
        if parts:
            yield f"delivered: {', '.join(parts)}"

    def _store_lines(self) -> Iterator[str]:
        store = self.store
        if self.counts.released:
            yield (
                f"memory: {counted(self.counts.released, 'held record')} released, so "
                f"read again"
            )
        if store.waiting:
            waiting = counted(store.waiting, "record waits", "records wait")
            yield (
                f"memory: {waiting} for an External ID, the oldest since "
                f"{_moment(store.waiting_since)}"
            )
        if store.id_conflicts:
            listed = ", ".join(
                f"{n:,} {kind}" for kind, n in store.id_conflicts.items()
            )
            yield (
                f"memory: ids that do not fit together: {listed}; the report in "
                f"`report_path` names some"
            )

    def to_json(self) -> str:
        """Return the report as a JSON document; docs/report.md lists its keys."""
        newest = self.newest_event
        return json.dumps(
            {
                "integration": self.integration,
                "destination": self.destination,
                "outcome": self.outcome,
                "started_at": self.started_at,
                "seconds": round(self.seconds, 3),
                "is_at_least": self.is_at_least,
                "events_per_second": round(self.events_per_second, 1),
                "read": self.read,
                **{outcome: getattr(self, outcome) for outcome in OUTCOMES},
                "open": self.counts.open,
                "filtered_by_reason": self.counts.by_reason("filtered"),
                "rejected_by_reason": self.counts.by_reason("rejected"),
                "by_event_type": self.counts.by_report_key(),
                "id_conflict": self.counts.id_conflicts,
                "named_id_conflicts": self.counts.conflicting_ids,
                "late": self.counts.late,
                "without_user_id": self.counts.without_user_id,
                "users": self.counts.users,
                "newest_event_at": newest.isoformat() if newest else None,
                "released": self.counts.released,
                "waiting": self.store.waiting,
                "waiting_since": _moment(self.store.waiting_since),
                "odd_ids": self.store.id_conflicts,
                "named_odd_ids": msgspec.to_builtins(self.store.named_id_conflicts),
                "texts_cut": self.texts_cut,
                "columns_not_understood": dict(self.columns_not_understood),
                **dataclasses.asdict(self.traffic),
            },
            indent=2,
        )


def _moment(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
