"""Describes what a user's state is made of, for people who look at user properties.

Sources: Nami's documentation, "Amplitude" (the eight of its own integration) and
"CustomerJourneyState". Examples are made up.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from target_amplitude_nami.nami.state import UserState

if t.TYPE_CHECKING:
    from target_amplitude_nami.nami.properties import Kind


@dataclass(frozen=True, slots=True)
class DocumentedAttribute:
    """A part of a user's state, which becomes a user property."""

    name: str
    """In `UserState`."""
    description: str
    example: object

    @property
    def kind(self) -> Kind:
        """Its type."""
        hints = t.get_type_hints(UserState)
        return _KINDS_OF_ATTRIBUTES[hints.get(self.name, str | None)]


_KINDS_OF_ATTRIBUTES: t.Final[dict[t.Any, Kind]] = {
    list[str] | None: "array of string",
    bool | None: "boolean",
    str | None: "string",
}

USER_ID: t.Final = DocumentedAttribute(
    "user_id", "Nami's own id of the user.", "b1f6c0de-2a34-4c55-8e77-0d9a4f3c2b11"
)
"""No part of the state, but an attribute like those for whoever wants it."""

_Attribute = DocumentedAttribute
ATTRIBUTES: t.Final = (
    _Attribute("active_entitlements", "Entitlements that are active now.", ["premium"]),
    _Attribute(
        "active_skus", "Products behind the active entitlements.", ["radio_monthly"]
    ),
    _Attribute(
        "device_ids",
        "Nami's ids of the user's devices.",
        ["0c1d2e3f-4a5b-4c6d-8e7f-90a1b2c3d4e5"],
    ),
    _Attribute(
        "device_platforms",
        "Nami's ids of the app on the stores of the user's devices.",
        ["9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c6d"],
    ),
    _Attribute(
        "former_subscriber",
        "Whether the user paid once and has nothing active now.",
        example=False,
    ),
    _Attribute(
        "in_grace_period",
        "Whether a payment failed and access lasts while the store tries again.",
        example=False,
    ),
    _Attribute("in_trial_period", "Whether the user is in a free trial.", example=True),
    _Attribute(
        "in_intro_offer_period",
        "Whether the user is in an introductory offer.",
        example=False,
    ),
    _Attribute(
        "in_account_hold",
        "Whether access is gone until a failed payment succeeds.",
        example=False,
    ),
    _Attribute(
        "in_pause", "Whether the subscription is paused (Android).", example=False
    ),
    _Attribute(
        "is_cancelled", "Whether the subscription will not renew.", example=False
    ),
    _Attribute(
        "entitlement_expirations",
        "When the active entitlements expire, in UTC.",
        ["2024-06-29T00:57:05Z"],
    ),
    _Attribute(
        "purchase_platforms", "Where the active entitlements were bought.", ["apple"]
    ),
    _Attribute(
        "subscription_status",
        "The state in one word: account_hold, paused, grace, cancelled, trial, intro, "
        "active, former or never.",
        "trial",
    ),
)
"""In the order of `UserState`."""
