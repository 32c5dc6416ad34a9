"""Plans what stands beside the properties of an event: fields of Amplitude's API."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.amplitude.checks import IDENTIFY
from target_amplitude_nami.nami import purchase
from target_amplitude_nami.pipeline.plan.model import PlannedProperty

if t.TYPE_CHECKING:
    from collections.abc import Collection

    from target_amplitude_nami.nami.properties import Kind
    from target_amplitude_nami.pipeline.plan.model import Presence
    from target_amplitude_nami.settings.options import MappingOptions

_ANONYMOUS: t.Final = {
    "device": ("; absent while a user has none", "sometimes"),
    "nami_user_id": (", or Nami's own user id while a user has none", "always"),
    "hold": ("; records of a user who has none wait for it", "always"),
    "skip": ("; records of users who have none are left out", "always"),
    "reject": ("; records of users who have none are rejected", "always"),
}
"""By `anonymous_users`, what that does to the user id (`pipeline/identity.py`)."""


def planned_fields(
    name: str, nami_events: Collection[str], options: MappingOptions
) -> tuple[PlannedProperty, ...]:
    """Return the fields of the events of a name (`pipeline/mapping.py`).

    Args:
        name: The name in Amplitude.
        nami_events: The Nami event types that are sent under it.
        options: The settings.
    """
    is_event = name != IDENTIFY
    fields = [
        _field("event_type", "string", "Name of the event.", name, "always"),
        _user_id(options),
        _field(
            "device_id",
            "string",
            "The device of the record, or the user's only one.",
            "0c1d2e3f-4a5b-4c6d-8e7f-90a1b2c3d4e5",
        ),
        _field(
            "time",
            "integer",
            "When it happened, in milliseconds since 1970."
            if is_event
            else "As of when the state holds, in milliseconds since 1970.",
            1716943898000,
            "always" if is_event else "sometimes",
        ),
        _field(
            "insert_id",
            "string",
            "By which Amplitude knows a repetition: Nami's event id, or a hash."
            if is_event
            else "By which Amplitude knows a repetition: a hash.",
            "5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b3001"
            if is_event
            else "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "always",
        ),
    ]
    if is_event and options.backfill:
        fields.append(_skip("True, as history leaves user properties alone.", "always"))
    elif is_event and options.stale_user_properties == "skip":
        fields.append(
            _skip("True where a newer state of the user was sent before.", "sometimes")
        )
    if options.revenue == "transactions" and purchase.TRANSACTION in nami_events:
        fields += _REVENUE
    return tuple(fields)


def _user_id(options: MappingOptions) -> PlannedProperty:
    example = "035b30e2-faf4-462d-aec3-caa0fbe26c49"
    presence: Presence = "usually"
    meaning = "Nami's own user id."
    if options.user_source == "external_id":
        suffix, found = _ANONYMOUS[options.anonymous_users]
        presence = t.cast("Presence", found)
        meaning = f"The External ID that the app gave at login{suffix}."
    return _field("user_id", "string", meaning, example, presence)


def _skip(meaning: str, present: Presence) -> PlannedProperty:
    name = "$skip_user_properties_sync"
    return _field(name, "boolean", meaning, example=True, present=present)


def _field(
    name: str,
    kind: Kind,
    description: str,
    example: object,
    present: Presence = "sometimes",
) -> PlannedProperty:
    return PlannedProperty(
        name=name,
        type=kind,
        description=description,
        example=example,
        present=present,
        source="amplitude",
    )


_REVENUE: t.Final = (
    _field(
        "revenue",
        "number",
        "The `amount`, where it is not zero and the purchase is no test.",
        9.99,
    ),
    _field(
        "currency", "string", "Of the revenue: `currency`, or that in `locale`.", "USD"
    ),
    _field("productId", "string", "What the revenue is for: `sku`.", "radio_monthly"),
    _field(
        "revenueType",
        "string",
        "Of the revenue: Purchase, or Refund where it is below zero.",
        "Purchase",
    ),
)
