"""Reads what a record says about its user.

Source: Nami docs, "Event types", the payload of `user.*` events.
"""

from __future__ import annotations

import operator
import typing as t

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import values
from target_amplitude_nami.nami.container_keys import is_external_id
from target_amplitude_nami.nami.state import (
    NO_STATE,
    Ids,
    UserState,
    with_ready_made,
)
from target_amplitude_nami.nami.values import NO_ID, WHITESPACE
from target_amplitude_nami.nami.webhook import (
    AboutUser,
    Device,
    Entitlement,
    ExternalId,
    Journey,
    read_about_user,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_EXTERNAL_ID: t.Final = "external_id"
_NAMELESS: t.Final = ""
"""In the place of an External ID: a value that might be it, without a key."""
_OTHER_KINDS: t.Final = frozenset({"original_transaction_id"})
_NO_JOURNEY: t.Final = Journey()

_ENTITLEMENT: t.Final = operator.attrgetter("entitlement_ref_id")
_SKU: t.Final = operator.attrgetter("sku_ref_id")
_EXPIRATION: t.Final = operator.attrgetter("expiration")
_STORE: t.Final = operator.attrgetter("purchase_platform")
_DEVICE_ID: t.Final = operator.attrgetter("id")

_Member = t.TypeVar("_Member", Entitlement, Device)


def user_in(
    fields: Mapping[str, t.Any], *, carries_state: bool, has_ready_made: bool
) -> tuple[UserState, str | None]:
    """Return what a record says about its user.

    Where a nested field and a ready-made `namiml_*` column say the same thing, the
    nested field wins.

    Args:
        fields: The record's.
        carries_state: Whether the user's state counts. That of other records, of
            `device.*` events above all, is never sent; only ids count there.
        has_ready_made: Whether there are ready-made columns.

    Returns:
        The state, and the External ID.

    Raises:
        UnreadableRecord: For a part that is there and is not understood.
    """
    get = fields.get
    entries, column = get("external_ids"), get("external_id")
    entitlements = journey = None
    if carries_state:
        entitlements = get("active_entitlements")
        journey = get("customer_journey_state")
    about = read_about_user(entries, entitlements, get("devices"), journey)
    external_id = _external_id_of(about.external_ids)
    state = _state_of(about)
    if has_ready_made:
        state = with_ready_made(state, fields, carries_state=carries_state)
    if not external_id:
        beside = None if column is None else values.external_id(column, _EXTERNAL_ID)
        if external_id is not None and beside is None:
            raise UnreadableRecord(
                "not_understood",
                "external_ids",
                "external_ids has a value without its key, so nothing says whether it "
                "is the External ID: add the key, or give the External ID in a column "
                "external_id",
            )
        external_id = beside
    return state, external_id


def _state_of(about: AboutUser) -> UserState:
    entitlements, devices = about.active_entitlements, about.devices
    journey = about.customer_journey_state
    if entitlements is None and devices is None and journey is None:
        return NO_STATE  # as on most events of devices
    flags = journey or _NO_JOURNEY
    entitled = skus = expirations = stores = device_ids = platforms = None
    if entitlements is not None:
        entitled = _distinct(_ENTITLEMENT, entitlements)
        skus = _distinct(_SKU, entitlements)
        expirations = _distinct(_EXPIRATION, entitlements)
        stores = _distinct(_STORE, entitlements)
    if devices is not None:
        device_ids = _distinct(_DEVICE_ID, devices)
        platforms = _distinct(Device.app_platform, devices)
    return UserState(
        entitled,
        skus,
        device_ids,
        platforms,
        flags.former_subscriber,
        flags.in_grace_period,
        flags.in_trial_period,
        flags.in_intro_offer_period,
        flags.in_account_hold,
        flags.in_pause,
        flags.is_cancelled,
        expirations,
        stores,
    )


def _distinct(
    text_of: Callable[[_Member], str | None], members: Sequence[_Member]
) -> Ids:
    """Return the ids that members have in one place, each once, in their order.

    Returns:
        None where there are members and no id, which is not an empty array.
    """
    if len(members) == 1:  # the usual case, and none to compare it with
        only = (text_of(members[0]) or "").strip(WHITESPACE)
        return [only] if only and only != NO_ID else None
    found: dict[str, None] = {}
    for member in members:
        text = text_of(member)
        if text and (trimmed := text.strip(WHITESPACE)) and trimmed != NO_ID:
            found[trimmed] = None
    return list(found) or (None if members else [])


def _external_id_of(entries: list[ExternalId] | None) -> str | None:
    """Return the External ID: the entry of `external_ids` with that key.

    `_NAMELESS` where an entry has a value without a key, and no other has the key.

    The other entries are ids of store transactions and the like, also when they come
    first (Nami docs, "Event types", the example of `user.*`).
    """
    found = None
    for entry in entries or ():
        key, value = entry.key, entry.value
        if key in _OTHER_KINDS:
            continue
        if key is None:
            if found is None and value:
                found = _NAMELESS
        elif key == _EXTERNAL_ID or is_external_id(key):
            found = found or values.external_id(value, "external_ids")
    return found
