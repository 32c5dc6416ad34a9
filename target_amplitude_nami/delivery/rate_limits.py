"""Limits how fast events leave, so that Amplitude does not answer 429."""

from __future__ import annotations

import threading
import typing as t
from collections import Counter, deque
from collections.abc import Sequence

import msgspec

from target_amplitude_nami.amplitude.event import EncodedEvent

WINDOW_SECONDS: t.Final = 10
"""Amplitude counts an id's events over 30 s, which holds three of these windows."""

_FEW_EVENTS = 300
_FEW_TIMES = 4
"""Comparing so many counts takes as long as one look-up of an id."""


class Admission(msgspec.Struct, frozen=True):
    """Which events of a request may leave now, and when the others may."""

    admitted: Sequence[EncodedEvent]
    postponed: Sequence[EncodedEvent]
    until: dict[str, float]
    """When the postponed ones may, by order key (monotonic seconds)."""


class RateLimiter:
    """Limits the events a second of a run, for the lanes of all its projects."""

    def __init__(self, per_second: int | None = None, slots: int = 1) -> None:
        """Take the most events a second.

        Args:
            per_second: Those of all runs that share them out; None: no limit.
            slots: How many runs that are, at a time.
        """
        self.per_second: t.Final = None if per_second is None else per_second / slots
        self._lock = threading.Lock()
        self._next_start = 0.0

    def reserve(self, count: int, now: float) -> float:
        """Return how many seconds `count` events have to wait for those before them."""
        if self.per_second is None:
            return 0.0
        with self._lock:
            start = max(now, self._next_start)
            self._next_start = start + count / self.per_second
        return start - now


class PerIdRateLimiter:
    """Limits the events a second of each user and device, for a project's lanes."""

    def __init__(
        self, *, per_id_per_second: int, run_limiter: RateLimiter | None = None
    ) -> None:
        """Initialise with the limits of users and devices.

        Args:
            per_id_per_second: Most events a second for one user id or device id, on
                average over ten seconds.
            run_limiter: The limit of the run; None: no limit.
        """
        self.reserve: t.Final = (run_limiter or RateLimiter()).reserve
        self._per_window = per_id_per_second * WINDOW_SECONDS
        self._lock = threading.Lock()
        self._recent: deque[tuple[float, Counter[str]]] = deque()
        self._sent: Counter[str] = Counter()
        """Of each id in `_recent`, all of them together."""

    def admit(self, events: Sequence[EncodedEvent], now: float) -> Admission:
        """Count events as sent now, except those of ids over their limit.

        Once an event is postponed, all later ones with one of its order keys are.

        Args:
            events: The events for a request, in order.
            now: Monotonic seconds.
        """
        wanted = _count_ids(events)
        with self._lock:
            # The same sum as in `_when_there_is_room`, so that both round alike.
            while self._recent and self._recent[0][0] + WINDOW_SECONDS <= now:
                self._forget(self._recent.popleft()[1])
            admission = Admission(events, [], {})
            if crowded := self._crowded(wanted):
                admission = self._admit_some(events, crowded, now)
                wanted = _count_ids(admission.admitted)
            self._remember(wanted, now, is_small=len(events) < _FEW_EVENTS)
        return admission

    def _crowded(self, wanted: Counter[str]) -> dict[str, int]:
        """Return how many more events each over-limit id may still send."""
        most = self._per_window
        # The largest counts alone often show that there is room; but in a busy window
        # there may be many more ids than in a request.
        if len(self._sent) < _FEW_TIMES * len(wanted):
            largest = max(wanted.values()) + max(self._sent.values(), default=0)
            if largest <= most:
                return {}
        sent = self._sent.get
        return {
            name: most - sent(name, 0)
            for name, count in wanted.items()
            if count + sent(name, 0) > most
        }

    def _admit_some(
        self, events: Sequence[EncodedEvent], room: dict[str, int], now: float
    ) -> Admission:
        admitted: list[EncodedEvent] = []
        postponed: list[EncodedEvent] = []
        until: dict[str, float] = {}
        for event in events:
            ids = [name for name in (event.user_id, event.device_id) if name in room]
            full = [name for name in ids if room[name] <= 0]
            keys = event.order_keys
            moments = [until[key] for key in keys if key in until]
            if full and not moments:
                moments = [self._when_there_is_room(full, now)]
            if moments:
                until |= dict.fromkeys(keys, max(moments))
                postponed.append(event)
                continue
            for name in ids:
                room[name] -= 1
            admitted.append(event)
        return Admission(admitted, postponed, until)

    def _when_there_is_room(self, names: list[str], now: float) -> float:
        starts = [
            start
            for start, counts in self._recent
            if any(counts[name] for name in names)
        ]
        # Nothing on record: it is this request that fills the window.
        return (starts[0] if starts else now) + WINDOW_SECONDS

    def _remember(self, sent: Counter[str], now: float, *, is_small: bool) -> None:
        # An id that occurs once in a large request is far below any limit, and
        # remembering every id of ten busy seconds would take 100 MB.
        if not is_small:
            sent = Counter({name: n for name, n in sent.items() if n > 1})
        if sent:
            self._recent.append((now, sent))
            self._sent.update(sent)

    def _forget(self, sent: Counter[str]) -> None:
        self._sent.subtract(sent)
        for name in sent:
            if not self._sent[name]:
                del self._sent[name]


def _count_ids(events: Sequence[EncodedEvent]) -> Counter[str]:
    ids = Counter([event.user_id for event in events if event.user_id])
    ids.update([event.device_id for event in events if event.device_id])
    return ids
