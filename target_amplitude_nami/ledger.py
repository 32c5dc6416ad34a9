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

import msgspec

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from target_amplitude_nami.amplitude.event import Refusal
    from target_amplitude_nami.amplitude.outgoing import Outgoing
    from target_amplitude_nami.rejects import Rejects


class Checkpoint:
    """The records between two STATE messages."""

    __slots__ = ("opened", "settled", "state")

    def __init__(self) -> None:
        """Start with none."""
        self.opened = 0  # written by the reading thread only
        self.settled = 0  # written under the ledger's lock
        self.state = b""

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it is open."""
        return self.opened == self.settled


class Origin(msgspec.Struct, frozen=True):
    """Where an event came from: all that settling its record needs."""

    label: str
    """What it is counted under: its Nami event type, as a rule."""
    stream: str
    line: bytes
    """The RECORD message as it was read."""
    checkpoint: Checkpoint


@dataclasses.dataclass(frozen=True, slots=True)
class Counts:
    """What became of the records so far, each by label and where it helps by reason."""

    read: Mapping[str, int]
    delivered: Mapping[str, int]
    filtered: Mapping[tuple[str, str], int]
    rejected: Mapping[tuple[str, str], int]

    @property
    def open(self) -> int:
        """How many records are not settled."""
        settled = (self.delivered, self.filtered, self.rejected)
        return sum(self.read.values()) - sum(sum(c.values()) for c in settled)


class Ledger:
    """Counts what is read, and is told by any thread what became of it."""

    def __init__(
        self, rejects: Rejects, write_state: Callable[[bytes], None] | None
    ) -> None:
        """Open the books.

        Args:
            rejects: Where undeliverable records go.
            write_state: Writes a STATE; None: the run emits none.
        """
        self._rejects = rejects
        self._write_state = write_state
        self._lock = threading.Lock()
        self._current = Checkpoint()
        self._waiting: deque[Checkpoint] = deque()
        self._read: Counter[str] = Counter()
        self._delivered: Counter[str] = Counter()
        self._filtered: Counter[tuple[str, str]] = Counter()
        self._rejected: Counter[tuple[str, str]] = Counter()

    def counts(self) -> Counts:
        """Return the figures of this moment."""
        with self._lock:
            delivered = dict(self._delivered)
            filtered = dict(self._filtered)
            rejected = dict(self._rejected)
        # Last, so that no record seems to be settled before it is read.
        return Counts(dict(self._read), delivered, filtered, rejected)

    # For the reading thread

    def open(self, label: str, stream: str, line: bytes) -> Origin:
        """Count a record as read that goes to delivery."""
        self._read[label] += 1
        self._current.opened += 1
        return Origin(label, stream, line, self._current)

    def filter(self, label: str, reason: str) -> None:
        """Count a record as read that the settings leave out."""
        self._read[label] += 1
        self._filtered[label, reason] += 1

    def reject(self, label: str, stream: str, line: bytes, refusal: Refusal) -> None:
        """Count a record as read that cannot be delivered, and keep it."""
        self._rejects.write(stream, line, refusal)
        self._read[label] += 1
        with self._lock:
            self._rejected[label, refusal.reason] += 1

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

    # For the lanes

    def delivered(self, events: Sequence[Outgoing]) -> None:
        """Settle events that Amplitude has."""
        labels = Counter(event.origin.label for event in events)
        checkpoints = Counter(event.origin.checkpoint for event in events)
        with self._lock:
            self._delivered.update(labels)
            for checkpoint, count in checkpoints.items():
                checkpoint.settled += count
            self._release()

    def rejected(self, event: Outgoing, refusal: Refusal) -> None:
        """Settle an event that Amplitude will not take, and keep its record."""
        origin: Origin = event.origin
        self._rejects.write(origin.stream, origin.line, refusal)
        with self._lock:
            self._rejected[origin.label, refusal.reason] += 1
            origin.checkpoint.settled += 1
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
            self._rejects.sync()
            self._write_state(state)
        except BaseException:
            # A disk may forget what it failed to take, and succeed the next time.
            self._write_state = None
            raise
