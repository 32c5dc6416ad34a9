"""Names the keys of Nami's four containers, and recognises them in any spelling.

Source: Nami docs, "Event types", the payload of `user.*` events.
"""

from __future__ import annotations

import typing as t

from target_amplitude_nami.nami.names import by_folded_name, folded

FLAGS: t.Final = (
    "former_subscriber",
    "in_grace_period",
    "in_trial_period",
    "in_intro_offer_period",
    "in_account_hold",
    "in_pause",
    "is_cancelled",
)

USED: t.Final = {
    "external_ids": ("key", "value"),
    "active_entitlements": (
        "entitlement_ref_id",
        "sku_ref_id",
        "expiration",
        "purchase_platform",
    ),
    "devices": ("id", "platform", "app_platform_id", "platform_id"),
    "customer_journey_state": FLAGS,
}
"""The keys of each container's members that the target uses."""

_UNUSED: t.Final = {
    "external_ids": ("type",),
    "active_entitlements": ("name", "description", "last_verified"),
    "devices": (),
    "customer_journey_state": (),
}
"""The other keys that Nami documents."""

CONTAINERS: t.Final = tuple(USED)

USED_BY_FOLDED: t.Final = {
    field: by_folded_name(names) for field, names in USED.items()
}
UNUSED_FOLDED: t.Final = {
    field: frozenset(map(folded, names)) for field, names in _UNUSED.items()
}
PLATFORM_BY_FOLDED: t.Final = by_folded_name(
    ("id", "name", "platform_type", "marketplace_app_id")
)
KIND_BY_FOLDED: t.Final = by_folded_name(("external_id", "original_transaction_id"))
"""The kinds of `external_ids` that Nami documents, by their `key`."""

WRAPPERS: t.Final = frozenset(
    {"array", "arrayelement", "bag", "element", "item", "keyvalue", "list", "map", "v"}
)
"""Single keys that formats put around a list, around its elements, or around a map."""
TYPE_TAGS: t.Final = frozenset({"S", "N", "BOOL", "NULL", "L", "M", "SS", "NS"})
"""How DynamoDB types an attribute: `{"S": "text"}` (AWS docs, "AttributeValue")."""

_PARTS: t.Final = {
    field: frozenset(
        set(USED_BY_FOLDED[field])
        | UNUSED_FOLDED[field]
        | (set(KIND_BY_FOLDED) if field == "external_ids" else set())
        | WRAPPERS
        | {"results"}
        | {tag.lower() for tag in TYPE_TAGS}
    )
    for field in CONTAINERS
}


def is_part(field: str, name: str) -> bool:
    """Return whether a container has a part of this name, also as a format writes it.

    Args:
        field: The container.
        name: What follows it in the name of a flattened column.
    """
    return name.isdecimal() or folded(name) in _PARTS[field]


def flag_of(column: str) -> str | None:
    """Return the flag that a column is: `customer_journey_state_in_pause` and the like.

    Returns:
        None for any other column.
    """
    name = folded(column)
    prefix = "customerjourneystate"
    if not name.startswith(prefix):
        return None
    return USED_BY_FOLDED["customer_journey_state"].get(name.removeprefix(prefix))


def is_external_id(key: str) -> bool:
    """Return whether an entry of `external_ids` has the External ID, by its key."""
    return folded(key) == "externalid"
