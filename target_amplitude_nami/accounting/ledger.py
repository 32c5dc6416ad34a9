"""Every record accounted for, and the watermark that releases STATE.

A STATE may leave when all records read before it are settled. The ledger therefore
counts, between one STATE message and the next, how many records went to delivery and
how many of them are settled; lanes settle out of step with each other, and the newest
STATE with nothing open before it is written.
"""

from __future__ import annotations

import dataclasses
import threading
import typing as t
from collections import Counter, deque

from target_amplitude_nami.outcomes import Checkpoint

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.outcomes import Refusal
    from target_amplitude_nami.singer.rejects import RejectsFile
    from target_amplitude_nami.store.sqlite_store import SqliteStore

_MOST_IDS_NAMED: t.Final = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """What became of the records so far, by report key and where it helps by reason."""

    read: Mapping[str, int]
    delivered: Mapping[str, int]
    filtered: Mapping[tuple[str, str], int]
    rejected: Mapping[tuple[str, str], int]
    held: Mapping[str, int]
    duplicate: Mapping[str, int]
    released: int = 0
    """How many of those read came out of the memory, not out of the input."""
    id_conflicts: int = 0
    """How many duplicates are other events than those whose id and device they have."""
    conflicting_ids: tuple[str, ...] = ()
    """The first insert ids of such."""
    late: int = 0
    """How many of those delivered were kept from user properties for being late."""
    without_user_id: int = 0
    """How many of those delivered name a device alone."""

    @property
    def open(self) -> int:
        """How many records are not settled."""
        fates: tuple[Mapping[t.Any, int], ...] = (
            self.delivered,
            self.filtered,
            self.rejected,
            self.held,
            self.duplicate,
        )
        return sum(self.read.values()) - sum(sum(c.values()) for c in fates)


class Ledger:
    """Counts what is read, and is told by any thread what became of it."""

    def __init__(
        self,
        rejects: RejectsFile,
        memory: SqliteStore,
        write_state: Callable[[bytes], None] | None,
    ) -> None:
        """Open the books.

        Args:
            rejects: Where undeliverable records go.
            memory: Knows what was delivered before, and keeps what is held.
            write_state: Writes a STATE; None: the run emits none.
        """
        self._rejects = rejects
        self._memory = memory
        self._write_state = write_state
        self._lock = threading.Lock()
        self._current = Checkpoint()
        self._waiting: deque[Checkpoint] = deque()
        self._read: Counter[str] = Counter()
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

    def counts(self) -> Counts:
        """Return the figures of this moment."""
        with self._lock:
            delivered = dict(self._delivered)
            filtered = dict(self._filtered)
            rejected = dict(self._rejected)
            held = dict(self._held)
            duplicate = dict(self._duplicate)
            id_conflicts = self._id_conflicts, self._conflicting_ids
            late, without_user_id = self._late, self._without_user_id
        # Last, so that no record seems to be settled before it is read.
        return Counts(
            dict(self._read),
            delivered,
            filtered,
            rejected,
            held,
            duplicate,
            self._released,
            *id_conflicts,
            late,
            without_user_id,
        )

    def save(self) -> None:
        """Make the rejects and what was learnt survive a crash.

        In this order: the memory forgets the held records that were rejected. More may
        be rejected between the two, so that the commit syncs once more before it.

        Raises:
            TargetError: When the disk does not take it.
        """
        self._rejects.sync()
        self._memory.commit(self._rejects.sync)

    # For the reading thread

    def open(self, report_key: str) -> Checkpoint:
        """Count a record as read that goes to delivery; return where it is open."""
        self._read[report_key] += 1
        self._current.opened += 1
        return self._current

    def filter(self, report_key: str, reason: str) -> None:
        """Count a record as read that the settings leave out."""
        self._read[report_key] += 1
        self._filtered[report_key, reason] += 1

    def reject(
        self, report_key: str, stream: str, line: bytes, refusal: Refusal
    ) -> None:
        """Count a record as read that cannot be delivered, and keep it."""
        self._rejects.write(stream, line, refusal)
        self._read[report_key] += 1
        with self._lock:
            self._rejected[report_key, refusal.reason] += 1

    def hold(self, report_key: str) -> None:
        """Count a record as read that the memory keeps until its user has a name."""
        self._read[report_key] += 1
        self._held[report_key] += 1

    def note_released(self) -> None:
        """Take note that the next record comes out of the memory."""
        self._released += 1

    def repeat(self, report_key: str, id_conflict: str | None = None) -> None:
        """Count a record as read that is held already, or was delivered before.

        Args:
            report_key: What it is counted under.
            id_conflict: Its insert id, where another event with that was delivered.
        """
        self._read[report_key] += 1
        with self._lock:
            self._duplicate[report_key] += 1
            if id_conflict is not None:
                self._note_id_conflicts([id_conflict])

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
            self._release()

    def hold_state(self) -> None:
        """Keep back each STATE that comes from now on, until `let_state_go`."""
        self._held_back = self._current
        self._current.opened += 1

    def let_state_go(self) -> None:
        """Treat the STATEs that `hold_state` kept back as any other."""
        checkpoint, self._held_back = self._held_back, None
        if checkpoint is not None:
            with self._lock:
                checkpoint.settled += 1
                self._release()

    # For the lanes

    def settle_delivered(self, events: Sequence[EncodedEvent]) -> None:
        """Settle events that Amplitude has."""
        late = sum([event.is_late for event in events])
        without_user_id = sum([event.user_id is None for event in events])
        with self._lock:
            self._late += late
            self._without_user_id += without_user_id
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

    def _note_id_conflicts(self, insert_ids: Sequence[str]) -> None:
        self._id_conflicts += len(insert_ids)
        named = dict.fromkeys([*self._conflicting_ids, *insert_ids])
        self._conflicting_ids = tuple(named)[:_MOST_IDS_NAMED]

    def keep_record(self, event: EncodedEvent, refusal: Refusal) -> None:
        """Keep the record of an event that Amplitude will not take."""
        origin = event.origin
        self._rejects.write(origin.stream, origin.line, refusal)

    def settle_rejected(self, event: EncodedEvent, refusal: Refusal) -> None:
        """Settle an event that Amplitude will not take; its record is kept."""
        origin = event.origin
        with self._lock:
            self._rejected[origin.report_key, refusal.reason] += 1
            event.checkpoint.settled += 1
            self._release()

    def _settle(self, events: Sequence[EncodedEvent], fate: Counter[str]) -> None:
        labels = Counter([event.origin.report_key for event in events])
        checkpoints = Counter([event.checkpoint for event in events])
        with self._lock:
            fate.update(labels)
            for checkpoint, count in checkpoints.items():
                checkpoint.settled += count
            self._release()

    def _release(self) -> None:
        """Write the newest STATE with nothing open before it; under the lock."""
        state = b""
        while self._waiting and self._waiting[0].is_settled:
            state = self._waiting.popleft().state
        if not state or self._write_state is None:
            return
        try:
            # What STATE covers must not be lost with the machine.
            self.save()
            self._write_state(state)
        except BaseException:
            # A disk may forget what it failed to take, and succeed the next time.
            self._write_state = None
            raise
