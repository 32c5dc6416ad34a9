"""Limits how much one user, device or project may send.

The numbers are documented; that they apply to a sliding window is inferred.
"""

from __future__ import annotations

from collections import Counter, deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.model import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from target_amplitude_nami.local.ingest.behaviour import Behaviour
    from target_amplitude_nami.local.ingest.identity import Ids

_HOUR = 3_600
_DAY = 24 * _HOUR


class SlidingWindow:
    """Counts how often each id occurred within the last `seconds`.

    Far from any limit only the bound is needed, and the counts are not added up.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: deque[tuple[float, Counter[str]]] = deque()
        self._totals: Counter[str] = Counter()
        self._added = 0
        """How many of the entries are in the totals; these are the oldest ones."""
        self._bound = 0

    def bound(self, now: float) -> int:
        """Return an upper bound of all counts."""
        self._forget(now)
        return self._bound

    def totals(self, now: float) -> Mapping[str, int]:
        """Return the count of each id."""
        self._forget(now)
        for _, counts in islice(self._entries, self._added, None):
            # Eight times as fast as adding one counter to the other.
            self._totals.update(counts.elements())
        self._added = len(self._entries)
        return self._totals

    def add(self, counts: Counter[str], now: float) -> None:
        """Add the counts of this moment."""
        if counts:
            self._entries.append((now, counts))
            self._bound += max(counts.values())

    def _forget(self, now: float) -> None:
        """Remove the entries that are older than the window."""
        while self._entries and self._entries[0][0] <= now - self._seconds:
            _, gone = self._entries.popleft()
            self._bound -= max(gone.values())
            if not self._added:
                continue
            self._added -= 1
            for name, count in gone.items():
                if self._totals[name] > count:
                    self._totals[name] -= count
                else:
                    del self._totals[name]


class _IdGate:
    """Checks the rate and the daily quota of user ids or of device ids."""

    def __init__(self, api: limits.Api, behaviour: Behaviour) -> None:
        self._capacity = float("inf")
        self._spammy: frozenset[str] = frozenset()
        if behaviour.throttling:
            self._capacity = api.id_rate * limits.THROTTLE_SECONDS
            if api is limits.BATCH:
                self._spammy = behaviour.spammy_ids
        self._recent = SlidingWindow(limits.THROTTLE_SECONDS)
        self._today = SlidingWindow(_DAY)

    def throttled(self, counts: Counter[str], now: float) -> dict[str, int]:
        """Return the ids over their rate, each with its events per second."""
        most = max(counts.values(), default=0)
        if self._recent.bound(now) + most <= self._capacity:
            return {}
        recent = self._recent.totals(now)
        return {
            name: round((recent.get(name, 0) + count) / limits.THROTTLE_SECONDS)
            for name, count in counts.items()
            if recent.get(name, 0) + count > self._capacity
        }

    def over_quota(self, counts: Counter[str], now: float) -> dict[str, int]:
        """Return the ids over their daily quota, each with its events of the day."""
        if not self._spammy:
            return {}
        today = self._today.totals(now)
        return {
            name: today.get(name, 0) + count
            for name, count in counts.items()
            if name in self._spammy and today.get(name, 0) + count > limits.DAILY_QUOTA
        }

    def add(self, counts: Counter[str], now: float) -> None:
        self._recent.add(counts, now)
        # The day rolls on in steps of an hour (Batch Event Upload API, 429).
        hour = now // _HOUR * _HOUR
        self._today.add(
            Counter({n: counts[n] for n in self._spammy & counts.keys()}), hour
        )


class UpdateBudget:
    """Counts how often the properties of each user were updated in this hour.

    The number is documented (HTTP V2 API, Rate limiting), the clock's hours are not.
    """

    def __init__(self, updates_per_hour: int, now: Callable[[], float]) -> None:
        self._most = updates_per_hour
        self._now = now
        self._hour = 0.0
        self._spent: dict[int, int] = {}

    def spend(self, user: int) -> bool:
        """Count an update of a user; return False if it is over the limit."""
        hour = self._now() // _HOUR
        if hour != self._hour:
            self._hour = hour
            self._spent.clear()
        spent = self._spent.get(user, 0)
        if spent >= self._most:
            return False
        self._spent[user] = spent + 1
        return True


class Throttle:
    """Limits the traffic of one project through one API."""

    def __init__(self, api: limits.Api, behaviour: Behaviour) -> None:
        self._api = api
        self._behaviour = behaviour
        self._devices = _IdGate(api, behaviour)
        self._users = _IdGate(api, behaviour)
        self._second = SlidingWindow(1)

    def admit(self, ids: list[Ids], now: float) -> None:
        """Check and count events with these ids.

        Raises:
            RefusedError: A device is silenced (400), or the events are too many (429).
        """
        devices = Counter([i.device_id for i in ids if i.device_id is not None])
        users = Counter([i.user_id for i in ids if i.user_id is not None])
        try:
            self._check_ids(ids, devices, users, now)
            self._check_project(len(ids), now)
        except RefusedError:
            if self._behaviour.count_refused:
                self._count(devices, users, len(ids), now)
            raise
        self._count(devices, users, len(ids), now)

    def _count(
        self,
        devices: Counter[str],
        users: Counter[str],
        events: int,
        now: float,
    ) -> None:
        self._devices.add(devices, now)
        self._users.add(users, now)
        self._second.add(Counter(events=events, requests=1), now)

    def _check_ids(
        self,
        ids: list[Ids],
        devices: Counter[str],
        users: Counter[str],
        now: float,
    ) -> None:
        fast_devices = self._devices.throttled(devices, now)
        fast_users = self._users.throttled(users, now)
        spent_devices = self._devices.over_quota(devices, now)
        spent_users = self._users.over_quota(users, now)
        slow_down = fast_devices.keys() | spent_devices.keys()
        slow_down_users = fast_users.keys() | spent_users.keys()
        throttled = []
        if slow_down or slow_down_users:
            throttled = [
                index
                for index, (user_id, device_id) in enumerate(ids)
                if device_id in slow_down or user_id in slow_down_users
            ]
        lists: dict[str, Any] = {
            "eps_threshold": self._api.id_rate,
            "throttled_devices": fast_devices,
            "throttled_events": throttled,
            "throttled_users": fast_users,
        }
        if self._api is limits.BATCH:
            lists["exceeded_daily_quota_devices"] = spent_devices
            lists["exceeded_daily_quota_users"] = spent_users
        silenced = self._behaviour.silenced_devices & devices.keys()
        if silenced:
            lists["silenced_devices"] = sorted(silenced)
            lists["silenced_events"] = [
                index for index, named in enumerate(ids) if named.device_id in silenced
            ]
            raise RefusedError(400, "Events silenced for device_id", **lists)
        if throttled:
            text = "Too many requests for some devices and users"
            raise RefusedError(429, text, **lists)

    def _check_project(self, events: int, now: float) -> None:
        if not self._behaviour.throttling:
            return
        second = self._second.totals(now)
        event_rate, request_rate = self._api.project_rate, float("inf")
        if self._behaviour.starter_plan:
            event_rate = limits.STARTER_EVENTS_PER_SECOND
            request_rate = limits.STARTER_REQUESTS_PER_SECOND
        too_many_events = second.get("events", 0) + events > event_rate
        if too_many_events or second.get("requests", 0) + 1 > request_rate:
            raise RefusedError(429, "Too many requests")
