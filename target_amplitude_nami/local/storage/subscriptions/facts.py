"""Reads from a stored event what counts towards the figures about subscriptions."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from enum import IntEnum, StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.model import JsonObject

if TYPE_CHECKING:
    from collections.abc import Mapping


class Step(IntEnum):
    """What a user does on the way to a subscription."""

    SAW = 0
    TRANSACTION = 1
    TRIAL = 2
    CONVERTED = 3
    LAPSED = 4
    """A trial ended and did not convert."""
    BOUGHT = 5


class Dimension(StrEnum):
    """What conversions are broken down by."""

    PAYWALL = "paywall"
    PLATFORM = "platform"
    SEGMENT = "segment"
    SKU = "sku"


class Status(StrEnum):
    """What a user's state says of their subscription.

    `amplitude-nami` sends these words as `namiml_subscription_status`, if it is asked to.
    """

    ACCOUNT_HOLD = "account_hold"
    PAUSED = "paused"
    GRACE = "grace"
    CANCELLED = "cancelled"
    TRIAL = "trial"
    INTRO = "intro"
    ACTIVE = "active"
    FORMER = "former"
    NEVER = "never"


class Money(NamedTuple):
    """What a transaction says of money."""

    amount: Decimal | None
    """Below zero where money went back; None where it names none that can be read."""
    currency: str
    """Empty where it names none."""
    sandbox: bool


class Facts(NamedTuple):
    """What one event says."""

    step: Step | None = None
    touches: tuple[tuple[Dimension, str], ...] = ()
    """Values by dimension; an empty text where the event has none."""
    status: Status | None = None
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
# Event types may have a prefix, as the setting `event_prefix` makes it.
_NAMI_TYPE = re.compile(
    r".*?((?:device\.(?:impression|transaction)"
    r"|user\.(?:journey|subscription)\.[a-z_.]+))",
    re.DOTALL,
)

_TOUCHED: Final = {
    Step.SAW: (Dimension.PAYWALL, Dimension.PLATFORM, Dimension.SEGMENT),
    Step.TRANSACTION: (Dimension.SKU,),
}
# One thing under the names of Nami's webhooks and SDKs, without case and underscores.
_FIELDS: Final = {
    Dimension.PAYWALL: ("developerpaywallid", "paywallid", "paywall"),
    Dimension.PLATFORM: ("eventplatform", "platform", "platformtype"),
    Dimension.SEGMENT: ("segment", "segmentid", "externalsegmentid"),
    Dimension.SKU: ("sku", "skurefid", "skuid"),
}
_SANDBOX_FIELDS: Final = ("purchaseenv", "issandbox", "sandbox", "appenv")
_PRODUCTION: Final = frozenset({"production", "prod", "false", "0"})
_CURRENCY = re.compile(r"[A-Z]{3}")
_LOCALES_CURRENCY = re.compile(r"[@;]currency=([A-Za-z]{3})(?:;|$)")
_AMOUNT = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,12})?")

_FLAGS: Final = (
    ("namiml_in_account_hold", Status.ACCOUNT_HOLD),
    ("namiml_in_pause", Status.PAUSED),
    ("namiml_in_grace_period", Status.GRACE),
    ("namiml_is_cancelled", Status.CANCELLED),
    ("namiml_in_trial_period", Status.TRIAL),
    ("namiml_in_intro_offer_period", Status.INTRO),
)
_STATUSES: Final = frozenset(Status)


class _Event(msgspec.Struct, gc=False):
    """The parts of a sent event that are read here."""

    event_properties: Any = None
    user_properties: Any = None
    revenue: Any = None
    currency: Any = None


_read = msgspec.json.Decoder(_Event, float_hook=Decimal).decode


@lru_cache(maxsize=4096)
def nami_type(event_type: str) -> str | None:
    """Return the Nami event type that an event type stands for, if it does."""
    if event_type == limits.IDENTIFY:
        return event_type
    found = _NAMI_TYPE.fullmatch(event_type)
    return found[1] if found else None


def facts_of(event_type: str, raw: bytes) -> Facts | None:
    """Return what an event says; None where that is nothing.

    Args:
        event_type: The event type as it was sent.
        raw: The event as it was sent, in JSON.
    """
    known = nami_type(event_type)
    if known is None:
        return None
    event = _read(raw)
    step = _STEPS.get(known)
    properties = _object(event.event_properties)
    if step in {Step.SAW, Step.TRANSACTION}:
        money = _money(event, properties) if step is Step.TRANSACTION else None
        names = _names(tuple(properties))
        touches = tuple(
            (dimension, _label(properties, names, _FIELDS[dimension]))
            for dimension in _TOUCHED[step]
        )
        return Facts(step, touches, None, money)
    status = _status(known, _object(event.user_properties))
    if step is None and status is None:
        return None
    return Facts(step, (), status)


def _object(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


@lru_cache(maxsize=1024)
def _names(names: tuple[str, ...]) -> Mapping[str, str]:
    """Return names by what they are without case and underscores."""
    return {name.replace("_", "").lower(): name for name in reversed(names)}


def _value(
    properties: JsonObject, names: Mapping[str, str], fields: tuple[str, ...]
) -> Any:
    """Return the first value of these fields that says anything."""
    for field in fields:
        value = properties.get(names.get(field, ""))
        if value is not None and value != "":
            return value
    return None


def _label(
    properties: JsonObject, names: Mapping[str, str], fields: tuple[str, ...]
) -> str:
    value = _value(properties, names, fields)
    return "" if value is None else str(value)[: limits.MAX_TEXT].strip()


def _status(event_type: str, properties: JsonObject) -> Status | None:
    """Return the status that a user's state amounts to, if the event has a state."""
    properties = {**properties, **_object(properties.get("$set"))}
    named = properties.get("namiml_subscription_status")
    if named in _STATUSES:
        return Status(named)
    entitlements = properties.get("namiml_active_entitlements")
    if not isinstance(entitlements, list):
        return None
    if event_type == _PAUSED and not entitlements:
        return Status.PAUSED
    for flag, status in _FLAGS:
        if properties.get(flag) is True and (entitlements or status not in _ENTITLED):
            return status
    if entitlements:
        return Status.ACTIVE
    former = properties.get("namiml_former_subscriber") is True
    return Status.FORMER if former else Status.NEVER


_ENTITLED: Final = frozenset({Status.CANCELLED, Status.TRIAL, Status.INTRO})
"""Meaningless where nothing is active."""


def _money(event: _Event, properties: JsonObject) -> Money:
    names = _names(tuple(properties))
    value = _value(properties, names, ("amount",))
    currency = _value(properties, names, ("currency",))
    locale = _LOCALES_CURRENCY.search(str(_value(properties, names, ("locale",))))
    code = str(currency or event.currency or (locale and locale[1]) or "")
    code = code.strip().upper()
    return Money(
        _amount(event.revenue if value is None else value),
        code if _CURRENCY.fullmatch(code) else "",
        _is_sandbox(properties, names),
    )


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    # Without an exponent; those beyond any price are none.
    text = f"{value:f}" if isinstance(value, Decimal) else str(value).strip()
    if not _AMOUNT.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _is_sandbox(properties: JsonObject, names: Mapping[str, str]) -> bool:
    """Return whether the first field about it says anything but production."""
    value = _value(properties, names, _SANDBOX_FIELDS)
    return value is not None and str(value).strip().lower() not in _PRODUCTION
