"""Derives the status of a user's subscription from their user properties."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(IntEnum):
    """Where a user stands with their subscription; the numbers give the order."""

    UNKNOWN = 0
    """No user property of Nami's is set."""
    NONE = 1
    """Nothing is active, and nothing says that it ever was."""
    FORMER = 2
    TRIAL = 3
    INTRO = 4
    """In an introductory offer."""
    ACTIVE = 5
    GRACE = 6
    """A payment failed; access lasts while the store tries again."""
    HOLD = 7
    """A payment failed, and access is gone until it succeeds."""
    PAUSED = 8

    @property
    def key(self) -> str:
        """The name that the API uses."""
        return self.name.lower()


_FLAGS = (
    ("namiml_in_account_hold", Status.HOLD),
    ("namiml_in_pause", Status.PAUSED),
    ("namiml_in_grace_period", Status.GRACE),
    ("namiml_in_trial_period", Status.TRIAL),
    ("namiml_in_intro_offer_period", Status.INTRO),
)
_ACTIVE = ("namiml_active_entitlements", "namiml_active_skus")
_FORMER = "namiml_former_subscriber"
_ALL = frozenset({*(name for name, _ in _FLAGS), *_ACTIVE, _FORMER})


def status_of(properties: Mapping[str, object]) -> int:
    """Return the status that user properties tell, as the number of a `Status`.

    Of several, the most pressing.
    """
    if _ALL.isdisjoint(properties):
        return Status.UNKNOWN.value
    for name, status in _FLAGS:
        if name in properties and _is_true(properties[name]):
            return status.value
    if any(map(properties.get, _ACTIVE)):
        return Status.ACTIVE.value
    is_former = _is_true(properties.get(_FORMER))
    return Status.FORMER.value if is_former else Status.NONE.value


def _is_true(value: object) -> bool:
    """Return whether a flag is set; some sources write it as text."""
    return value is True or (isinstance(value, str) and value.lower() == "true")
