"""A script of faults that is being played, and can be changed meanwhile."""

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


class Role(msgspec.Struct):
    """A fault of a script that is being played."""

    fault: Fault
    dice: random.Random
    hits: int = 0
    """How many requests it struck."""


class FaultInjector:
    """Knows which fault strikes which request; any thread may ask or change it."""

    def __init__(self, faults: Faults) -> None:
        self._lock = Lock()
        self._roles: list[Role] = []
        self.play(faults)

    def play(self, faults: Faults) -> None:
        """Play these faults from the next request on.

        Those without an id are given one. One that is as it was goes on counting.
        """
        with self._lock:
            before = {role.fault.id: role for role in self._roles}
            taken = {fault.id for fault in faults.faults}
            free = (name for n in count(1) if (name := str(n)) not in taken)
            self._roles = []
            for fault in faults.faults:
                named = msgspec.structs.replace(fault, id=fault.id or next(free))
                known = before.get(named.id)
                if known is not None and _same(known.fault, named):
                    known.fault = named
                    self._roles.append(known)
                else:
                    dice = random.Random(fault.when.seed)  # noqa: S311
                    self._roles.append(Role(named, dice))

    def switch(self, name: str, *, enabled: bool) -> bool:
        """Switch a fault on or off; tell whether there is one of this id."""
        with self._lock:
            for role in self._roles:
                if role.fault.id == name:
                    role.fault = msgspec.structs.replace(role.fault, enabled=enabled)
                    return True
        return False

    def roles(self) -> list[tuple[Fault, int]]:
        """Return each fault and how many requests it struck."""
        with self._lock:
            return [(role.fault, role.hits) for role in self._roles]

    def next_slow(self, number: int, path: str) -> Fault | None:
        """Return the fault that has the request of this number read slowly."""
        return self._next(number, path, frozenset, slow=True)

    def next(
        self,
        number: int,
        path: str,
        user_ids: Callable[[], Container[str]],
    ) -> Fault | None:
        """Return the fault that strikes the request of this number, if one does.

        `user_ids` is only called if a fault asks for it.
        """
        return self._next(number, path, user_ids, slow=False)

    def _next(
        self,
        number: int,
        path: str,
        user_ids: Callable[[], Container[str]],
        *,
        slow: bool,
    ) -> Fault | None:
        with self._lock:
            for role in self._roles:
                if (role.fault.do.read_rate is not None) == slow and _strikes(
                    role, number, path, user_ids
                ):
                    role.hits += 1
                    return role.fault
        return None


def _strikes(
    role: Role,
    number: int,
    path: str,
    user_ids: Callable[[], Container[str]],
) -> bool:
    fault, when = role.fault, role.fault.when
    return (
        fault.enabled
        and (fault.times is None or role.hits < fault.times)
        and (when.every is None or number % when.every == 0)
        and (when.requests is None or number in when.requests)
        and (when.path is None or when.path == path)
        and (when.user_id is None or when.user_id in user_ids())
        and (when.probability is None or role.dice.random() < when.probability)
    )


def _same(one: Fault, other: Fault) -> bool:
    return msgspec.structs.replace(one, enabled=other.enabled) == other
