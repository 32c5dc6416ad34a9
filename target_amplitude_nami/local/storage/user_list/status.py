"""Derives the status of a user's subscription from their user properties."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Status(IntEnum):
    """Where a user stands with their subscription; the numbers give the order.

    In lower case these are the words of `namiml_subscription_status`.
    """

    UNKNOWN = 0
    """The user properties do not say."""
    NEVER = 1
    FORMER = 2
    TRIAL = 3
    INTRO = 4
    """In an introductory offer."""
    ACTIVE = 5
    CANCELLED = 6
    """It will not renew; access lasts until it expires."""
    GRACE = 7
    """A payment failed; access lasts while the store tries again."""
    ACCOUNT_HOLD = 8
    """A payment failed, and access is gone until it succeeds."""
    PAUSED = 9

    @property
    def key(self) -> str:
        """The name that the API uses."""
        return self.name.lower()


_STATUS = "namiml_subscription_status"
_ENTITLEMENTS = "namiml_active_entitlements"
_SKUS = "namiml_active_skus"
_FORMER = "namiml_former_subscriber"
# The most pressing comes first.
_FLAGS = (
    ("namiml_in_account_hold", Status.ACCOUNT_HOLD.value),
    ("namiml_in_pause", Status.PAUSED.value),
    ("namiml_in_grace_period", Status.GRACE.value),
    ("namiml_is_cancelled", Status.CANCELLED.value),
    ("namiml_in_trial_period", Status.TRIAL.value),
    ("namiml_in_intro_offer_period", Status.INTRO.value),
)
_ALL = frozenset(
    {*(name for name, _ in _FLAGS), _STATUS, _ENTITLEMENTS, _SKUS, _FORMER}
)
_BY_KEY = {status.key: status.value for status in Status}


def status_of(properties: Mapping[str, object]) -> int:
    """Return the status that user properties tell, as the number of a `Status`."""
    if _ALL.isdisjoint(properties):
        return _BY_KEY["unknown"]
    named = properties.get(_STATUS)
    if isinstance(named, str) and named in _BY_KEY:
        return _BY_KEY[named]
    for name, status in _FLAGS:
        if name not in properties or not _flag(properties[name]):
            continue
        # Of a subscription that is over, it says nothing any more.
        if status != Status.CANCELLED or properties.get(_ENTITLEMENTS) != []:
            return status
    if properties.get(_ENTITLEMENTS) or properties.get(_SKUS):
        return _BY_KEY["active"]
    former = _flag(properties.get(_FORMER))
    return _BY_KEY[_BY_FORMER[former]]


_BY_FORMER = {True: "former", False: "never", None: "unknown"}


def _flag(value: object) -> bool | None:
    """Return a flag, which some sources write as text; None for no flag."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None
