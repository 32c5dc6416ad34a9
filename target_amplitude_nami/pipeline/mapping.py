"""Nami -> Amplitude: whom a record names and what the event says. Pure functions."""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import typing as t

import msgspec

from target_amplitude_nami.amplitude.checks import IDENTIFY
from target_amplitude_nami.amplitude.event import AmplitudeEvent, encode
from target_amplitude_nami.nami import purchase, values
from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.store import target_of

if t.TYPE_CHECKING:
    from target_amplitude_nami.nami.records import NamiEvent, NamiUser
    from target_amplitude_nami.settings import Settings

_ATTRIBUTES: t.Final = UserState.__struct_fields__[:8]
"""The eight that Nami's own integration sends (Nami docs, "Amplitude")."""

_MORE_ATTRIBUTES: t.Final = (
    "in_account_hold",
    "in_pause",
    "is_cancelled",
    "entitlement_expirations",
    "purchase_platforms",
)

_ATTRIBUTE_PROPERTIES = tuple(f"namiml_{name}" for name in _ATTRIBUTES)

_NO_EVENT_ID = "00000000-0000-0000-0000-000000000000"
"""What Nami's own examples show as an event's id: many records may have it."""
_LONGEST_INSERT_ID = 255

_WHAT_ELSE_IS_MISSING = {
    "device": " and no single device",
    "hold": " and no Nami user id, without which it cannot wait for one",
    "nami_user_id": " and no Nami user id",
}
"""By `anonymous_users`."""


class Identity(msgspec.Struct, frozen=True, gc=False):
    """Whom Amplitude shall see: at least one of the two ids is there."""

    user_id: str | None
    device_id: str | None

    @property
    def target(self) -> str:
        """Whose properties Amplitude sets: the user's, or the device's without one."""
        return target_of(self.user_id, self.device_id)


class Unnamed(msgspec.Struct, frozen=True):
    """A record whose user cannot, or shall not, be named, and what becomes of it."""

    fate: t.Literal["filtered", "held", "rejected"]
    reason: str
    detail: str


def identify(
    record: NamiEvent | NamiUser, known_external_id: str | None, settings: Settings
) -> Identity | Unnamed:
    """Return whom a record names.

    Args:
        record: What Nami told.
        known_external_id: The External ID that earlier records of the same Nami user
            brought; used where the record has none.
        settings: `user_source` and `anonymous_users`.
    """
    device_id = record.device_id
    if settings.user_source == "nami_user_id":
        user_id = record.user_id
    else:
        user_id = record.external_id or known_external_id
        if user_id is None:
            return _identify_anonymous(record, settings)
    if user_id is None and device_id is None:
        return Unnamed(
            fate="rejected",
            reason="no_ids",
            detail="the record has neither a user_id nor a single device",
        )
    return Identity(user_id, device_id)


def _identify_anonymous(
    record: NamiEvent | NamiUser, settings: Settings
) -> Identity | Unnamed:
    policy = settings.anonymous_users
    if policy == "nami_user_id" and record.user_id is not None:
        return Identity(record.user_id, record.device_id)
    if policy == "skip":
        return Unnamed(
            fate="filtered",
            reason="anonymous_user",
            detail="the user has no External ID and `anonymous_users` is skip",
        )
    if policy == "device" and record.device_id is not None:
        return Identity(None, record.device_id)
    if policy == "hold" and record.user_id is not None:
        return Unnamed(
            fate="held",
            reason="anonymous_user",
            detail="the user has no External ID yet and `anonymous_users` is hold",
        )
    return Unnamed(
        fate="rejected",
        reason="anonymous_user",
        detail="the user has no External ID"
        + _WHAT_ELSE_IS_MISSING.get(policy, "")
        + "; `anonymous_users` says what becomes of such records",
    )


def event_of(  # noqa: PLR0913
    event: NamiEvent,
    name: str,
    identity: Identity,
    settings: Settings,
    state: UserState,
    *,
    is_stale: bool = False,
) -> AmplitudeEvent:
    """Map an event of Nami.

    `user.*` events carry the user's state as `namiml_*` user properties, the others
    never do (Nami docs, "Amplitude"); what is left of the record becomes the event
    properties.

    Args:
        event: What Nami told.
        name: What it is called in Amplitude.
        identity: Whom it names.
        settings: What to add and to leave out.
        state: The user's state, as the event tells it or else as it is known.
        is_stale: Whether newer state of the user must be kept from this event's.

    Raises:
        UnreadableRecord: When it shall count as revenue and its amount, currency
            or product makes no sense. Amplitude never changes an event that it has; a
            reject can be mended.
    """
    user_properties: dict[str, t.Any] = {}
    if event.event_type.startswith("user."):
        user_properties = _user_properties(state, event.user_id, settings)
    properties = event.properties
    if settings.exclude_properties:
        properties = _without(properties, settings.exclude_properties)
    mapped = AmplitudeEvent(
        name,
        _insert_id(event, properties),
        identity.user_id,
        identity.device_id,
        event.time,
        properties,
        user_properties,
        is_stale or settings.backfill,
    )
    if settings.revenue == "none" or event.event_type != purchase.TRANSACTION:
        return mapped
    return msgspec.structs.replace(mapped, **_revenue(event))


def _revenue(event: NamiEvent) -> dict[str, t.Any]:
    """Return what makes a transaction a revenue event; empty where it is none.

    The amount goes as `revenue`, digit for digit. Nami does not say whether it is for
    one piece or for all of `quantity`: as `price`, Amplitude would multiply it (HTTP V2
    API, keys for the event argument). `quantity` stays an event property.
    """
    if purchase.is_sandbox(event.properties):
        return {}
    paid = purchase.purchase_of(event.properties)
    if paid is None:
        return {}
    return {
        "revenue": paid.amount,
        "currency": paid.currency,
        "product_id": paid.product,
        "revenue_type": "Refund" if paid.amount < 0 else "Purchase",
    }


def identify_event_of(
    user: NamiUser, identity: Identity, settings: Settings
) -> AmplitudeEvent | None:
    """Map a user record to a `$identify` that sets its state; None without a state."""
    user_properties = _user_properties(user.state, user.user_id, settings)
    if not user_properties:
        return None
    return AmplitudeEvent(
        event_type=IDENTIFY,
        # An update that sets something else must not pass for the same one.
        insert_id=_digest(user, user_properties | {"target": identity.target}),
        user_id=identity.user_id,
        device_id=identity.device_id,
        time=user.time,
        user_properties={"$set": user_properties},
    )


def subscription_status(state: UserState) -> str | None:
    """Return the one word for a user's state; None when the record does not tell.

    What stops the access first: `account_hold`, `paused`; then what endangers it:
    `grace`, `cancelled`; then what kind of access it is: `trial`, `intro`, `active`;
    then, without any, what was: `former`, `never`.
    """
    if state.subscription_status is not None:
        return state.subscription_status
    has_access = bool(state.active_entitlements)
    for status, holds in (
        ("account_hold", state.in_account_hold),
        ("paused", state.in_pause),
        ("grace", state.in_grace_period),
        ("cancelled", state.is_cancelled and state.active_entitlements != []),
        ("trial", state.in_trial_period),
        ("intro", state.in_intro_offer_period),
        ("active", has_access),
        ("former", state.former_subscriber),
        ("never", state.active_entitlements == [] and state.former_subscriber is False),
    ):
        if holds:
            return status
    return None


def _user_properties(
    state: UserState, nami_user_id: str | None, settings: Settings
) -> dict[str, t.Any]:
    attributes = msgspec.structs.astuple(state)[: len(_ATTRIBUTES)]
    properties = dict(zip(_ATTRIBUTE_PROPERTIES, attributes, strict=True))
    if None in attributes:
        properties = {
            name: value for name, value in properties.items() if value is not None
        }
    if settings.extra_user_properties:
        told = _more_user_properties(state, nami_user_id)
        properties |= {
            name: told[name] for name in settings.extra_user_properties if name in told
        }
    return properties


def _more_user_properties(
    state: UserState, nami_user_id: str | None
) -> dict[str, t.Any]:
    told = {f"namiml_{name}": getattr(state, name) for name in _MORE_ATTRIBUTES}
    told["namiml_entitlement_expirations"] = _in_utc(state.entitlement_expirations)
    told["namiml_user_id"] = nami_user_id
    told["namiml_subscription_status"] = subscription_status(state)
    return {name: value for name, value in told.items() if value is not None}


def _in_utc(times: list[str] | None) -> list[str] | None:
    """Give times one spelling, without repeats; what is no time stays as it is."""
    if not times:
        return times
    return list(dict.fromkeys(values.utc_text(time) or time for time in times))


def _insert_id(event: NamiEvent, properties: dict[str, t.Any]) -> str:
    """Return what Amplitude recognises a re-sent event by: Nami's own event id.

    Without one it is made of what the event says, but for the properties that are not
    sent: those may change each time the row is loaded.
    """
    event_id = event.event_id
    if (
        event_id is not None
        and event_id != _NO_EVENT_ID
        and len(event_id) <= _LONGEST_INSERT_ID
    ):
        return event_id
    # Ready-made columns hold the eight attributes and not what lies behind them.
    state = {name: getattr(event.state, name) for name in _ATTRIBUTES}
    return _digest(msgspec.structs.replace(event, properties=properties), state)


def _digest(record: NamiEvent | NamiUser, state: dict[str, t.Any]) -> str:
    """Return a stable id made of all that a record says in every shape."""
    said = {name: getattr(record, name) for name in record.__struct_fields__}
    try:
        said_bytes = encode(said | {"state": state})
    except RecursionError:  # an event nested so deep is refused: nobody sees its id
        said_bytes = b""
    return hashlib.sha256(said_bytes).hexdigest()


def _without(
    properties: dict[str, t.Any], patterns: tuple[str, ...]
) -> dict[str, t.Any]:
    return {
        name: value
        for name, value in properties.items()
        if not _is_excluded(name, patterns)
    }


@functools.lru_cache(maxsize=4096)
def _is_excluded(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
