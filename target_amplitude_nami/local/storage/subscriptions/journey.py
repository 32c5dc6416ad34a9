"""Follows one user on the way to a subscription, and says what they count as."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from target_amplitude_nami.local.storage.subscriptions.facts import (
    Dimension,
    Facts,
    Status,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNNEL: Final = "funnel"
STATUS: Final = "status"

_DAY: Final = 86_400_000
STATUSES: Final = tuple(Status)
_NUMBER_OF: Final = {status: number for number, status in enumerate(STATUSES)}


class Part(IntFlag):
    """What a user has done, in the funnel and in a breakdown."""

    SAW = 1
    TRANSACTION = 2
    TRIAL = 4
    LAPSED = 8
    """The last trial ended and did not convert."""
    CONVERTED = 16
    BOUGHT_AFTER_TRIAL = 32
    """Pays for a purchase after a trial that did not convert."""
    BOUGHT = 64
    """Pays for a purchase, without any trial before it."""
    PAID_BEFORE = 128
    """Paid, but only before the first paywall was seen."""


PAYING: Final = Part.CONVERTED | Part.BOUGHT_AFTER_TRIAL | Part.BOUGHT


class Tally(NamedTuple):
    """One thing that a user counts as, on the day from which they do."""

    kind: str
    """`FUNNEL`, `STATUS` or a dimension."""
    value: str
    """The value of the dimension, or the status."""
    day: int
    """Days since 1970."""
    parts: int
    """`Part`; 0 for a status."""
    users: int
    """1, or -1 where a user leaves a status."""


def _never() -> list[int | None]:
    return [None] * len(Step)


class Journey(msgspec.Struct, array_like=True, gc=False):
    """What is known of one user."""

    first: list[int | None] = msgspec.field(default_factory=_never)
    """When each step was taken first, in milliseconds."""
    last: list[int | None] = msgspec.field(default_factory=_never)
    touched: dict[str, dict[str, int]] = {}
    """By dimension and value, when the user first met with it."""
    states: list[tuple[int, int]] = []
    """The last status of each day: its time and its number, in order."""

    def take(self, time: int, facts: Facts) -> bool:
        """Add what an event says; return whether that changed anything."""
        changed = facts.step is not None and self._take_step(facts.step, time)
        for dimension, value in facts.touches:
            known = self.touched.setdefault(dimension, {})
            if time < known.get(value, time + 1):
                known[value] = time
                changed = True
        if facts.status is not None:
            self._take_status(time, _NUMBER_OF[facts.status])
            changed = True
        return changed

    def join(self, other: Journey) -> None:
        """Add everything that is known of another user, who turned out to be this one."""
        for step in Step:
            for time in (other.first[step], other.last[step]):
                if time is not None:
                    self._take_step(step, time)
        for dimension, values in other.touched.items():
            known = self.touched.setdefault(dimension, {})
            for value, time in values.items():
                known[value] = min(time, known.get(value, time))
        for time, status in other.states:
            self._take_status(time, status)

    def _take_step(self, step: Step, time: int) -> bool:
        first, last = self.first[step], self.last[step]
        if first is None or last is None:
            self.first[step] = self.last[step] = time
            return True
        if first <= time <= last:
            return False
        self.first[step], self.last[step] = min(first, time), max(last, time)
        return True

    def _take_status(self, time: int, status: int) -> None:
        states, at = self.states, len(self.states)
        while at and states[at - 1][0] > time:
            at -= 1
        if at < len(states) and states[at][0] // _DAY == time // _DAY:
            return  # A later one of that day is known.
        if at and states[at - 1][0] // _DAY == time // _DAY:
            states[at - 1] = time, status
        else:
            states.insert(at, (time, status))

    def tallies(self) -> Iterator[Tally]:
        """Yield everything that the user counts as."""
        began = self.first[Step.SAW]
        if began is None:
            steps = [time for time in self.first if time is not None]
            began = min(steps, default=None)
        if began is not None:
            yield Tally(FUNNEL, "", began // _DAY, self._funnel_parts(began), 1)
        for dimension, values in self.touched.items():
            for value, time in values.items():
                parts = self._parts_since(time)
                yield Tally(dimension, value, time // _DAY, parts, 1)
        before = None
        for time, status in self.states:
            if status == before:
                continue
            day = time // _DAY
            yield Tally(STATUS, STATUSES[status], day, 0, 1)
            if before is not None:
                yield Tally(STATUS, STATUSES[before], day, 0, -1)
            before = status

    def _funnel_parts(self, began: int) -> int:
        parts = self._parts_since(began)
        if self.first[Step.SAW] is None:
            return parts
        if not parts & PAYING and any(
            self.first[step] is not None for step in (Step.CONVERTED, Step.BOUGHT)
        ):
            parts |= Part.PAID_BEFORE
        return parts | Part.SAW

    def _parts_since(self, time: int) -> int:
        """Return what the user did at a time or after it."""
        parts = Part(0)
        if self._did(Step.TRANSACTION, time):
            parts |= Part.TRANSACTION
        if self._did(Step.CONVERTED, time):
            return parts | Part.TRIAL | Part.CONVERTED
        trial, bought = self.first[Step.TRIAL], self.last[Step.BOUGHT]
        if bought is not None and bought >= time:
            if trial is None or trial > bought:
                parts |= Part.BOUGHT
            else:
                return parts | Part.TRIAL | Part.BOUGHT_AFTER_TRIAL
        if self._did(Step.TRIAL, time):
            parts |= Part.TRIAL
            if self._did(Step.LAPSED, self.last[Step.TRIAL] or 0):
                parts |= Part.LAPSED
        return parts

    def _did(self, step: Step, since: int) -> bool:
        last = self.last[step]
        return last is not None and last >= since
