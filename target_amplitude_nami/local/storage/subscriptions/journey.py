"""Follows one user on the way to a subscription, and counts what they have done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from target_amplitude_nami.local.storage.subscriptions.facts import STATUSES, Step

if TYPE_CHECKING:
    from target_amplitude_nami.local.storage.subscriptions.facts import Facts

Counts: TypeAlias = dict[tuple[str, str, int, int], int]
"""Users by kind (`FUNNEL`, `STATUS` or a dimension), value, day and parts.

The value is that of the dimension, or the status. The day (since 1970) is the one from
which on they count.
"""

FUNNEL: Final = "funnel"
STATUS: Final = "status"

# What a user has done, in the funnel and in a breakdown. Not an `IntFlag`, which takes
# ten times as long to combine.
SAW: Final = 1
TRANSACTION: Final = 2
TRIAL: Final = 4
LAPSED: Final = 8
"""The last trial ended and did not convert."""
CONVERTED: Final = 16
BOUGHT_AFTER_TRIAL: Final = 32
"""Pays for a purchase after a trial that did not convert."""
BOUGHT: Final = 64
"""Pays for a purchase, without any trial before it."""
PAID_BEFORE: Final = 128
"""Paid, but only before the first paywall was seen."""
PAYING: Final = CONVERTED | BOUGHT_AFTER_TRIAL | BOUGHT

STEPS_CHANGED: Final = 1
TOUCHED: Final = 2
STATUS_CHANGED: Final = 4

_DAY: Final = 86_400_000
_NEVER: Final = -(2**62)
_LATER: Final = 2**62


_LAST: Final = {
    Step.TRANSACTION: "transaction",
    Step.TRIAL: "trial",
    Step.LAPSED: "lapsed",
    Step.CONVERTED: "converted",
    Step.BOUGHT: "bought",
}


class Journey(msgspec.Struct, array_like=True, gc=False):
    """What is known of one user; all times are in milliseconds since 1970."""

    saw: int = _LATER
    """When a paywall was seen first."""
    began: int = _LATER
    """When any other step was taken first."""
    transaction: int = _NEVER
    """When it happened last, as in those below."""
    trial_first: int = _LATER
    trial: int = _NEVER
    lapsed: int = _NEVER
    converted: int = _NEVER
    bought: int = _NEVER
    touched: dict[str, dict[str, int]] = {}
    """By dimension and value, when the user first met with it."""
    states: list[tuple[int, int]] = []
    """The last status of each day: its time and its number, in order."""

    def take(self, time: int, facts: Facts) -> int:
        """Add what an event says; return what that changed, as bits."""
        changed = 0
        if facts.step is not None and self._take_step(facts.step, time):
            changed = STEPS_CHANGED
        for dimension, value in facts.touches:
            known = self.touched.setdefault(dimension, {})
            if time < known.get(value, _LATER):
                known[value] = time
                changed |= TOUCHED
        if facts.status is not None:
            self._take_status(time, facts.status)
            changed |= STATUS_CHANGED
        return changed

    def join(self, other: Journey) -> None:
        """Add what is known of another user, who turned out to be this one."""
        for name in ("saw", "began", "trial_first"):
            setattr(self, name, min(getattr(self, name), getattr(other, name)))
        for name in _LAST.values():
            setattr(self, name, max(getattr(self, name), getattr(other, name)))
        for dimension, values in other.touched.items():
            known = self.touched.setdefault(dimension, {})
            for value, time in values.items():
                known[value] = min(time, known.get(value, time))
        for time, status in other.states:
            self._take_status(time, status)

    def _take_step(self, step: Step, time: int) -> bool:
        """Note when a step was taken; return whether that is news."""
        if step is Step.SAW:
            if time >= self.saw:
                return False
            self.saw = time
            return True
        is_news = time < self.began
        if is_news:
            self.began = time
        if step is Step.TRIAL and time < self.trial_first:
            self.trial_first, is_news = time, True
        name = _LAST[step]
        if time > getattr(self, name):
            setattr(self, name, time)
            return True
        return is_news

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

    def count(self, counts: Counts, factor: int) -> None:
        """Count the user; with a factor of -1, take them out."""
        key = self.place_in_funnel()
        if key is not None:
            _add(counts, key, factor)
        for dimension, values in self.touched.items():
            for value, time in values.items():
                key = dimension, value, time // _DAY, self.parts_since(time)
                _add(counts, key, factor)
        self.count_states(counts, factor)

    def count_change(self, counts: Counts, old: Journey | None, changed: int) -> None:
        """Count what `take` has changed.

        Args:
            counts: Where.
            old: The user as they were before; None for a new one.
            changed: What `take` has returned.
        """
        if old is None:
            self.count(counts, 1)
            return
        if changed & STEPS_CHANGED:
            before, now = old.place_in_funnel(), self.place_in_funnel()
            if before != now:
                if before is not None:
                    _add(counts, before, -1)
                if now is not None:
                    _add(counts, now, 1)
        if changed & (STEPS_CHANGED | TOUCHED):
            self._count_touches(counts, old, changed)
        if changed & STATUS_CHANGED and old.states != self.states:
            old.count_states(counts, -1)
            self.count_states(counts, 1)

    def _count_touches(self, counts: Counts, old: Journey, changed: int) -> None:
        for dimension, values in self.touched.items():
            known = old.touched.get(dimension, {})
            for value, time in values.items():
                before = known.get(value)
                if before == time and not changed & STEPS_CHANGED:
                    continue
                parts = self.parts_since(time)
                if before is not None:
                    were = old.parts_since(before)
                    if before == time and were == parts:
                        continue
                    _add(counts, (dimension, value, before // _DAY, were), -1)
                _add(counts, (dimension, value, time // _DAY, parts), 1)

    def place_in_funnel(self) -> tuple[str, str, int, int] | None:
        """Return as what the user counts in the funnel; None if they took no step."""
        start, parts = self.began, 0
        if self.saw != _LATER:
            start, parts = self.saw, SAW
        if start == _LATER:
            return None
        parts |= self.parts_since(start)
        if not parts & PAYING and max(self.converted, self.bought) != _NEVER:
            parts |= PAID_BEFORE
        return FUNNEL, "", start // _DAY, parts

    def count_states(self, counts: Counts, factor: int) -> None:
        """Count when the user came to each status, and when they left it."""
        before = None
        for time, status in self.states:
            if status == before:
                continue
            _add(counts, (STATUS, STATUSES[status], time // _DAY, 0), factor)
            if before is not None:
                _add(counts, (STATUS, STATUSES[before], time // _DAY, 0), -factor)
            before = status

    def parts_since(self, time: int) -> int:
        """Return what the user did at a time or after it."""
        parts = TRANSACTION if self.transaction >= time else 0
        if self.converted >= time:
            return parts | TRIAL | CONVERTED
        if self.bought >= time:
            if self.trial_first <= self.bought:
                return parts | TRIAL | BOUGHT_AFTER_TRIAL
            parts |= BOUGHT
        if self.trial >= time:
            parts |= TRIAL if self.lapsed < self.trial else TRIAL | LAPSED
        return parts


def _add(counts: Counts, key: tuple[str, str, int, int], number: int) -> None:
    counts[key] = counts.get(key, 0) + number
