"""Reads from an event what counts towards the figures about subscriptions."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.ingest.effects import Kind
from target_amplitude_nami.local.storage.user_list.status import Status, status_of
from target_amplitude_nami.nami.purchase import is_sandbox, purchase_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.local.model import JsonObject
    from target_amplitude_nami.local.storage.counts.counters import CountedEvent


class Step(StrEnum):
    """What a user does on the way to a subscription."""

    SAW = "saw"
    TRANSACTION = "transaction"
    TRIAL = "trial"
    CONVERTED = "converted"
    LAPSED = "lapsed"
    """A trial ended and did not convert."""
    BOUGHT = "bought"


# Plain texts: the hash of an enumeration's member is computed in Python, and these are
# keys of what is counted for each event.
PAYWALL: Final = "paywall"
PLATFORM: Final = "platform"
SEGMENT: Final = "segment"
SKU: Final = "sku"
DIMENSIONS: Final = (PAYWALL, PLATFORM, SEGMENT, SKU)
"""What conversions are broken down by."""

STATUSES: Final = tuple(status.key for status in Status)
"""The words for what a user's state says, by their numbers."""


class Money(NamedTuple):
    """What a transaction says of money."""

    amount: Decimal | None
    """Below zero where money went back; None where it names none, or zero."""
    currency: str
    """Empty where it names none."""
    sandbox: bool


class Facts(NamedTuple):
    """What one event says."""

    step: Step | None = None
    touches: tuple[tuple[str, str], ...] = ()
    """Dimensions and their values; an empty text where the event has none."""
    status: int | None = None
    """The number of a `Status`."""
    money: Money | None = None


_STEPS: Final = {
    "device.impression": Step.SAW,
    "device.transaction": Step.TRANSACTION,
    "user.journey.trial.started": Step.TRIAL,
    "user.journey.trial.converted": Step.CONVERTED,
    "user.journey.trial.did_not_convert": Step.LAPSED,
    "user.subscription.purchased": Step.BOUGHT,
}
_PAUSED = "user.subscription.paused"
_ENTITLEMENTS = "namiml_active_entitlements"
# Members of an enumeration are slow to get and to compare.
_TRIAL, _STATUS_PAUSED = Status.TRIAL.value, Status.PAUSED.value
_SAW, _TRANSACTION, _BEYOND = Step.SAW, Step.TRANSACTION, Kind.BEYOND
# Event types may have a prefix, as the setting `event_prefix` makes it.
_NAMI_TYPE = re.compile(
    r".*?((?:device\.(?:impression|transaction)"
    r"|user\.(?:journey|subscription)\.[a-z_.]+))",
    re.DOTALL,
)

# One thing under the names of Nami's webhooks and SDKs, without case and underscores.
_SEEN: Final = (
    (PAYWALL, ("developerpaywallid", "paywallid", "paywall")),
    (PLATFORM, ("eventplatform", "platform", "platformtype")),
    (SEGMENT, ("segment", "segmentid", "externalsegmentid")),
)
_BOUGHT: Final = ((SKU, ("sku", "skurefid", "skuid")),)


@lru_cache(maxsize=4096)
def nami_type(event_type: str) -> str | None:
    """Return the Nami event type that an event type stands for, if it does."""
    if event_type == limits.IDENTIFY:
        return event_type
    found = _NAMI_TYPE.fullmatch(event_type)
    return found[1] if found else None


def facts_of(event: CountedEvent, renamed: Mapping[str, str]) -> Facts | None:
    """Return what an event says; None where that is nothing.

    Args:
        event: The event.
        renamed: Nami's event types by the names that a run gave them.
    """
    name = renamed.get(event.name, event.name)
    known = None if event.kind is _BEYOND else nami_type(name)
    if known is None:
        return None
    step = _STEPS.get(known)
    if step is _SAW or step is _TRANSACTION:
        properties = _object(event.sent.get("event_properties"))
        if step is _SAW:
            return Facts(step, _touches(properties, _SEEN))
        touches = _touches(properties, _BOUGHT)
        return Facts(step, touches, None, _money(event.sent, properties))
    status = _status(known, _object(event.sent.get("user_properties")))
    return None if step is None and status is None else Facts(step, (), status)


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _touches(
    properties: JsonObject, dimensions: tuple[tuple[str, tuple[str, ...]], ...]
) -> tuple[tuple[str, str], ...]:
    return tuple(
        [
            (dimension, _first(properties, names))
            for dimension, names in _spelled(tuple(properties), dimensions)
        ]
    )


@lru_cache(maxsize=1024)
def _spelled(
    names: tuple[str, ...], dimensions: tuple[tuple[str, tuple[str, ...]], ...]
) -> list[tuple[str, list[str]]]:
    """Return by dimension those names under which an event may have its value."""
    folded = [(name.replace("_", "").lower(), name) for name in names]
    return [
        (dimension, [name for field in fields for key, name in folded if key == field])
        for dimension, fields in dimensions
    ]


def _first(properties: JsonObject, names: list[str]) -> str:
    """Return the first value that says anything."""
    for name in names:
        value = properties[name]
        if value is not None and value != "":
            return str(value)[: limits.MAX_TEXT].strip()
    return ""


def _status(event_type: str, properties: JsonObject) -> int | None:
    """Return the status that a user's state amounts to, if the event has a state."""
    if "$set" in properties:
        properties = {**properties, **_object(properties["$set"])}
    status = status_of(properties)
    is_over = status < _TRIAL
    if is_over and event_type == _PAUSED and _ENTITLEMENTS in properties:
        return _STATUS_PAUSED
    return status or None


def _money(sent: JsonObject, properties: JsonObject) -> Money:
    is_test = is_sandbox(properties)
    try:
        purchase = purchase_of(properties)
    except UnreadableRecord:
        return Money(None, "", is_test)
    if purchase is not None:
        return Money(purchase.amount, purchase.currency or "", is_test)
    # The setting `exclude_properties` may have left this alone.
    revenue, currency = sent.get("revenue"), sent.get("currency")
    amount = Decimal(repr(revenue)) if isinstance(revenue, int | float) else None
    return Money(amount, currency if isinstance(currency, str) else "", is_test)
