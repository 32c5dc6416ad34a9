"""Declares which events are sent, and what they hold."""

# `setting` declares a field, and the fields' types are read at run time.
# ruff: noqa: RUF009, TC003

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime

from target_amplitude_nami.settings.declaration import Schema, setting

EXTRA_USER_PROPERTIES: t.Final = (
    "namiml_user_id",
    "namiml_in_account_hold",
    "namiml_in_pause",
    "namiml_is_cancelled",
    "namiml_subscription_status",
    "namiml_entitlement_expirations",
    "namiml_purchase_platforms",
)
"""What `extra_user_properties` may add to the eight user properties of Nami's own
Amplitude integration."""

_EVENT_NAMES: t.Final[Schema] = {
    "type": ["array"],
    "items": {
        "type": "object",
        "properties": {
            "event": {"type": ["string"], "minLength": 1},
            "name": {"type": ["string"]},
        },
        "required": ["event", "name"],
        "additionalProperties": False,
    },
}


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class EventSettings:
    """What it sends."""

    events: tuple[str, ...] = setting(
        "Which events to send: Nami event types or patterns. `*` stands for the 13 "
        "types that Nami offers to Amplitude.",
        details="Other patterns stand for some of these 13. Other types "
        "(`device.session.start`, `device.session.end`, `purchase.updated`, and any "
        "that Nami may add) are sent only when named exactly.",
        default=("*",),
        least=1,
        examples=(["user.subscription.*", "device.transaction"],),
    )
    # No default for users: Meltano fails on an object where the default is a list.
    event_names: tuple[tuple[str, str], ...] = setting(
        "Other names for events, as a list of `event` and `name`. An empty `name` "
        "means: do not send.",
        details="An object from event type to name works too, but the list is the safe "
        "form: Meltano takes the dots in an object's keys apart, and may drop such "
        "keys.",
        examples=([{"event": "user.subscription.renewed", "name": "Renewed"}],),
        schema=_EVENT_NAMES,
    )
    event_prefix: str = setting(
        "Put before every event name, after renaming.", default="", examples=("Nami ",)
    )
    start_date: datetime | None = setting(
        "Events older than this date or date-time (ISO 8601) are filtered. Without a "
        "zone it is UTC.",
        details="In `meltano.yml` put a date-time with a zone in quotes, or Meltano "
        "drops the zone.",
        default=None,
        examples=("2024-01-31", "2024-01-31T08:00:00Z"),
    )
    extra_user_properties: tuple[str, ...] = setting(
        "User properties to set beside the eight of Nami's own Amplitude integration; "
        "`*` for all.",
        details="There are "
        f"{', '.join(f'`{name}`' for name in EXTRA_USER_PROPERTIES[:-1])} and "
        f"`{EXTRA_USER_PROPERTIES[-1]}`.",
        default=(),
        choices=("*", *EXTRA_USER_PROPERTIES),
    )
    exclude_properties: tuple[str, ...] = setting(
        "Event properties never to send: names or patterns.",
        default=(),
        examples=(["locale", "campaign*"],),
    )
    revenue: t.Literal["none", "transactions"] = setting(
        "Whether `device.transaction` events that carry an amount count as revenue in "
        "Amplitude.",
        details="With `transactions` they do. An amount or a currency that cannot be "
        "read then makes the record a reject, as Amplitude cannot correct an event "
        "later.",
        default="none",
        labels={"none": "No revenue", "transactions": "Transactions with an amount"},
    )
    sandbox_purchases: t.Literal["send", "skip"] = setting(
        "What becomes of events that say they are not production. They are never "
        "revenue.",
        details="An event says so in `purchase_env`, or without it in `app_env`. With "
        "`skip` it is filtered.",
        default="send",
        labels={"send": "Send", "skip": "Skip"},
    )
    sandbox_api_key: str | None = setting(
        "API key of a second Amplitude project: events that say they are not "
        "production go there instead.",
        default=None,
        secret=True,
    )
