"""Counts every record, and finds the newest STATE that may leave.

A STATE may leave when all records read before it are settled. The ledger therefore
counts, between one STATE message and the next, how many records went to delivery and
how many of them are settled; lanes settle out of step with each other, and the newest
STATE with nothing open before it is the one that may be written.
"""

from __future__ import annotations

import threading
import typing as t
from collections import Counter, deque

from target_amplitude_nami.accounting.counts import MOST_IDS_NAMED, Counts
from target_amplitude_nami.accounting.distinct import Distinct
from target_amplitude_nami.outcomes import Checkpoint

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent


class Ledger:
    """Counts what is read and settled; it reads and writes nothing itself.

    The lock is held for a few additions at a time, never while anything is written.
    """

    def __init__(
        self,
        is_future: Callable[[int], bool] = lambda _: False,
        users: Distinct | None = None,
    ) -> None:
        """Start with no record read.

        Args:
            is_future: Whether only a wrong clock can have given a time, ms; then it
                is not the newest event's.
            users: Counts the users of delivered events.
        """
        self._is_future = is_future
        self._lock = threading.Lock()
        self._current = Checkpoint()
        self._waiting: deque[Checkpoint] = deque()
        self._read: dict[str, int] = {}
        self._delivered: Counter[str] = Counter()
        self._filtered: Counter[tuple[str, str]] = Counter()
        self._rejected: Counter[tuple[str, str]] = Counter()
        self._held: Counter[str] = Counter()
        self._duplicate: Counter[str] = Counter()
        self._released = 0
        self._held_back: Checkpoint | None = None
        self._id_conflicts = 0
        self._conflicting_ids: tuple[str, ...] = ()
        self._late = 0
        self._without_user_id = 0
        self._users = Distinct() if users is None else users
        self._newest_ms: int | None = None

    def counts(self) -> Counts:
        """Return the counts so far."""
        with self._lock:
            settled = (
                dict(self._delivered),
                dict(self._filtered),
                dict(self._rejected),
                dict(self._held),
                dict(self._duplicate),
            )
            id_conflicts = self._id_conflicts, self._conflicting_ids
            late, without_user_id = self._late, self._without_user_id
            users = self._users.count, self._users.is_exact
            newest_ms = self._newest_ms
        # Last, so that no record seems to be settled before it is read.
        return Counts(
            dict(self._read),
            *settled,
            self._released,
            *id_conflicts,
            late,
            without_user_id,
            *users,
            newest_ms,
        )

    # For the reading thread

    def open(self, report_key: str) -> Checkpoint:
        """Count a record as read that goes to delivery; return where it is open."""
        read = self._read
        read[report_key] = read.get(report_key, 0) + 1
        checkpoint = self._current
        checkpoint.opened += 1
        return checkpoint

    def filter(self, report_key: str, reason: str) -> None:
        """Count a record as read that the settings leave out."""
        self._note_read(report_key)
        self._filtered[report_key, reason] += 1

    def reject(self, report_key: str, reason: str) -> None:
        """Count a record as read that cannot be delivered."""
        self._note_read(report_key)
        with self._lock:
            self._rejected[report_key, reason] += 1

    def hold(self, report_key: str) -> None:
        """Count a record as read that the store keeps until its user has a name."""
        self._note_read(report_key)
        self._held[report_key] += 1

    def note_released(self) -> None:
        """Count the next record as one that comes out of the store."""
        self._released += 1

    def repeat(self, report_key: str, id_conflict: str | None = None) -> None:
        """Count a record as read that is held already, or was delivered before.

        Args:
            report_key: What it is counted under.
            id_conflict: Its insert id, where another event with that was delivered.
        """
        self._note_read(report_key)
        with self._lock:
            self._duplicate[report_key] += 1
            if id_conflict is not None:
                self._note_id_conflicts([id_conflict])

    def _note_read(self, report_key: str) -> None:
        self._read[report_key] = self._read.get(report_key, 0) + 1

    # STATE

    def take_state(self, state: bytes) -> None:
        """Keep a STATE message until all that was read before it is settled."""
        checkpoint = self._current
        checkpoint.state = state
        self._current = Checkpoint()
        with self._lock:
            if checkpoint.opened == 0 and self._waiting:
                self._waiting[-1].state = state
            else:
                self._waiting.append(checkpoint)

    def suspend_state(self) -> None:
        """Keep back each STATE that comes from now on, until `resume_state`."""
        self._held_back = self._current
        self._current.opened += 1

    def resume_state(self) -> None:
        """Treat the STATEs that `suspend_state` kept back as any other."""
        checkpoint, self._held_back = self._held_back, None
        if checkpoint is not None:
            with self._lock:
                checkpoint.settled += 1

    @property
    def has_state_to_release(self) -> bool:
        """Whether nothing is open before the oldest STATE that waits."""
        with self._lock:
            return bool(self._waiting) and self._waiting[0].is_settled

    def take_released_state(self) -> bytes:
        """Return and forget the newest STATE with nothing open before it; or empty."""
        state = b""
        with self._lock:
            while self._waiting and self._waiting[0].is_settled:
                state = self._waiting.popleft().state
        return state

    def waiting_states(self) -> list[tuple[bytes, bool]]:
        """Return the STATEs that wait, and whether nothing since the last is open."""
        with self._lock:
            return [(each.state, each.is_settled) for each in self._waiting]

    # For the lanes

    def settle_delivered(self, events: Sequence[EncodedEvent]) -> None:
        """Settle events that Amplitude has taken."""
        late = sum([event.is_late for event in events])
        without_user_id = sum([event.user_id is None for event in events])
        users = [event.user_key for event in events]
        newest_ms = self._newest_of(events)
        with self._lock:
            self._late += late
            self._without_user_id += without_user_id
            self._users.add(users)
            if self._newest_ms is None or (newest_ms or 0) > self._newest_ms:
                self._newest_ms = newest_ms
        self._settle(events, self._delivered)

    def settle_repeats(
        self, events: Sequence[EncodedEvent], id_conflicts: Sequence[str] = ()
    ) -> None:
        """Settle events that Amplitude had before.

        Args:
            events: The events.
            id_conflicts: Insert ids of those that are no copies of what it had.
        """
        if id_conflicts:
            with self._lock:
                self._note_id_conflicts(id_conflicts)
        self._settle(events, self._duplicate)

    def settle_rejected(self, event: EncodedEvent, reason: str) -> None:
        """Settle an event that Amplitude will not take."""
        with self._lock:
            self._rejected[event.origin.report_key, reason] += 1
            event.checkpoint.settled += 1

    def _newest_of(self, events: Sequence[EncodedEvent]) -> int | None:
        sent = [event.sent_event.time for event in events]
        times = [time for time in sent if time is not None]
        newest = max(times, default=None)
        if newest is not None and self._is_future(newest):
            return max((ms for ms in times if not self._is_future(ms)), default=None)
        return newest

    def _settle(self, events: Iterable[EncodedEvent], outcome: Counter[str]) -> None:
        report_keys = Counter([event.origin.report_key for event in events])
        checkpoints = Counter([event.checkpoint for event in events])
        with self._lock:
            outcome.update(report_keys)
            for checkpoint, count in checkpoints.items():
                checkpoint.settled += count

    def _note_id_conflicts(self, insert_ids: Sequence[str]) -> None:
        self._id_conflicts += len(insert_ids)
        named = dict.fromkeys([*self._conflicting_ids, *insert_ids])
        self._conflicting_ids = tuple(named)[:MOST_IDS_NAMED]
