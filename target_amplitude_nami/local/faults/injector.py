"""Decides which fault strikes which request."""

from __future__ import annotations

import random
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from target_amplitude_nami.local.faults.fault import Faults


class _ActiveFault(msgspec.Struct):
    """A fault with what it needs to decide, and how often it struck."""

    fault: Fault
    dice: random.Random
    hits: int = 0
    """How many requests it struck."""


class FaultInjector:
    """Decides which fault strikes which request; for use by any thread.

    Args:
        faults: The faults to begin with.
    """

    def __init__(self, faults: Faults) -> None:
        self._lock = Lock()
        self._active: list[_ActiveFault] = []
        self.replace(faults)

    def replace(self, faults: Faults) -> None:
        """Replace the faults from the next request on.

        Faults without an id get one. An unchanged fault keeps its count.
        """
        with self._lock:
            before = {active.fault.id: active for active in self._active}
            taken = {fault.id for fault in faults.faults}
            free = (name for n in count(1) if (name := str(n)) not in taken)
            self._active = []
            for fault in faults.faults:
                named = msgspec.structs.replace(fault, id=fault.id or next(free))
                known = before.get(named.id)
                if known is not None and _are_same(known.fault, named):
                    known.fault = named
                    self._active.append(known)
                else:
                    dice = random.Random(fault.when.seed)  # noqa: S311
                    self._active.append(_ActiveFault(named, dice))

    def switch(self, name: str, *, enabled: bool) -> bool:
        """Switch a fault on or off; return False if there is none of this id."""
        with self._lock:
            for active in self._active:
                if active.fault.id == name:
                    active.fault = msgspec.structs.replace(
                        active.fault, enabled=enabled
                    )
                    return True
        return False

    def hits(self) -> list[tuple[Fault, int]]:
        """Return each fault with how many requests it struck."""
        with self._lock:
            return [(active.fault, active.hits) for active in self._active]

    def next_slow(self, number: int, path: str) -> Fault | None:
        """Return the fault that slows down reading the request of this number."""
        return self._next(number, path, frozenset, slow=True)

    def next(
        self,
        number: int,
        path: str,
        user_ids: Callable[[], Container[str]],
    ) -> Fault | None:
        """Return the fault that strikes the request of this number, if one does.

        Args:
            number: The number of the request, from 1.
            path: Its path.
            user_ids: Returns its user ids; only called if a fault needs them.
        """
        return self._next(number, path, user_ids, slow=False)

    def next_naming(self, number: int, path: str) -> Fault | None:
        """Return the fault that strikes a request to an API that is no ingestion.

        Only those that name its path do, so that faults of ingestion leave it alone.

        Args:
            number: The number of the request among such requests, from 1.
            path: Its path.
        """
        return self._next(number, path, frozenset, slow=False, named=True)

    def _next(
        self,
        number: int,
        path: str,
        user_ids: Callable[[], Container[str]],
        *,
        slow: bool,
        named: bool = False,
    ) -> Fault | None:
        with self._lock:
            for active in self._active:
                if named and active.fault.when.path is None:
                    continue
                if (active.fault.do.read_rate is not None) == slow and _strikes(
                    active, number, path, user_ids
                ):
                    active.hits += 1
                    return active.fault
        return None


def _strikes(
    active: _ActiveFault,
    number: int,
    path: str,
    user_ids: Callable[[], Container[str]],
) -> bool:
    fault, when = active.fault, active.fault.when
    return (
        fault.enabled
        and (fault.times is None or active.hits < fault.times)
        and (when.every is None or number % when.every == 0)
        and (when.requests is None or number in when.requests)
        and (when.path is None or when.path == path)
        and (when.user_id is None or when.user_id in user_ids())
        and (when.probability is None or active.dice.random() < when.probability)
    )


def _are_same(one: Fault, other: Fault) -> bool:
    return msgspec.structs.replace(one, enabled=other.enabled) == other
