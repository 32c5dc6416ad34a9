"""Describes the event properties that Nami documents, for people who look at them.

The type of each is declared where they are read (`properties.py`).

Sources: Nami's webhook documentation, "Event Types" (`user.*`, which names every field)
and "Purchase Status Updates"; for `device.*`, of which Nami shows no example, the page
of mParticle on its Nami feed and the types of Nami's SDKs. Examples are made up.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from fnmatch import fnmatchcase

from target_amplitude_nami.nami.names import folded
from target_amplitude_nami.nami.properties import KINDS, Kind

_UUID: t.Final = "5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b2001"
_TIME: t.Final = "2024-05-29T00:51:38Z"


@dataclass(frozen=True, slots=True)
class DocumentedProperty:
    """An event property, in the spelling of its source."""

    name: str
    events: str
    """The event types, or patterns, that have it, separated by spaces."""
    description: str
    example: object
    is_in_every_record: bool = False
    """Whether Nami documents it for every record of these types, and never null."""

    @property
    def kind(self) -> Kind:
        """Its type as it is sent, unless a record has something unreadable in it."""
        return KINDS[folded(self.name)]

    def belongs_to(self, event_type: str) -> bool:
        """Return whether events of a type have it."""
        return any(fnmatchcase(event_type, each) for each in self.events.split())


_DEVICE = "device.impression device.transaction"
_SHOWN = "device.impression"
_BOUGHT = "device.transaction"
_SESSION = "device.session.start device.session.end"
_PURCHASE = "purchase.updated"
_Entry = DocumentedProperty

EVENT_PROPERTIES: t.Final = (
    # user.*
    _Entry(
        "event_platform",
        "user.*",
        "Platform that the event came from.",
        "apple",
        is_in_every_record=True,
    ),
    _Entry("event_platform", _DEVICE, "Platform that the event came from.", "apple"),
    _Entry(
        "namiml_event_category", "user.*", "First part of the Nami event type.", "user"
    ),
    _Entry(
        "namiml_event_category", _DEVICE, "First part of the Nami event type.", "device"
    ),
    _Entry(
        "namiml_event_subcategory1",
        "user.*",
        "Second part of the Nami event type.",
        "subscription",
    ),
    # device.*
    _Entry(
        "app_env",
        f"{_DEVICE} {_SESSION}",
        "Environment of the app: production, beta_testing, device_development or "
        "simulator_development; production where the SDK cannot tell.",
        "production",
    ),
    _Entry("app_platform_id", _DEVICE, "Nami's id of the app on one store.", _UUID),
    _Entry(
        "session", f"{_DEVICE} {_SESSION}", "Nami's id of the app's session.", _UUID
    ),
    _Entry("name", _SHOWN, "Name of the paywall.", "Holiday paywall"),
    _Entry(
        "developer_paywall_id",
        _SHOWN,
        "Id of the paywall that the developer set.",
        "holiday_v2",
    ),
    _Entry(
        "controller_name",
        _SHOWN,
        "Screen of the app that raised the paywall.",
        "HomeViewController",
    ),
    _Entry("cta_type", _SHOWN, "Kind of the paywall's call to action.", "subscribe"),
    _Entry(
        "call_to_action", _SHOWN, "Nami's id of the paywall's call to action.", _UUID
    ),
    _Entry(
        "initiator",
        _SHOWN,
        "What raised the paywall: nami_ml, nami_rules, user or unknown.",
        "nami_rules",
    ),
    _Entry("segment", _SHOWN, "Nami's id of the campaign's segment.", _UUID),
    _Entry("segmentId", _SHOWN, "Nami's id of the campaign's segment.", _UUID),
    _Entry(
        "externalSegmentId",
        _SHOWN,
        "Id of the segment in the system that it comes from.",
        "winback",
    ),
    _Entry(
        "launch_id", _SHOWN, "Nami's id of the launch that showed the paywall.", _UUID
    ),
    _Entry("campaignId", _SHOWN, "Nami's id of the campaign.", _UUID),
    _Entry("campaignName", _SHOWN, "Name of the campaign.", "Summer"),
    _Entry(
        "campaignType",
        _SHOWN,
        "How the campaign is launched: default, label, url or unknown.",
        "label",
    ),
    _Entry("campaignLabel", _SHOWN, "Label that launches the campaign.", "onboarding"),
    _Entry("campaignUrl", _SHOWN, "Address that launches the campaign.", "app://offer"),
    _Entry("paywallId", _SHOWN, "Nami's id of the paywall.", _UUID),
    _Entry("paywallName", _SHOWN, "Name of the paywall.", "Holiday paywall"),
    _Entry(
        "deeplinkUrl", _SHOWN, "Deep link that led to the paywall.", "app://offer/42"
    ),
    _Entry(
        "url_params",
        _SHOWN,
        "Parameters of the address that led to the paywall, as text or an object.",
        {"utm_source": "mail"},
    ),
    _Entry("timeSpentOnPaywall", _SHOWN, "How long the paywall was open.", 12.5),
    # device.transaction
    _Entry(
        "purchase_env",
        _BOUGHT,
        "The store's word on the purchase: production or sandbox.",
        "production",
    ),
    _Entry(
        "source",
        _BOUGHT,
        "What led to the purchase, such as user_initiated, nami_triggered, external, "
        "CAMPAIGN or MARKETPLACE.",
        "user_initiated",
    ),
    _Entry("transaction_id", _BOUGHT, "The store's number.", "1000000599999999"),
    _Entry(
        "original_transaction_id",
        _BOUGHT,
        "The store's number of the first purchase, which those that follow share.",
        "1000000512345678",
    ),
    _Entry("sku", _BOUGHT, "The product that was bought.", "radio_monthly"),
    _Entry("sku_ref_id", _BOUGHT, "Another name of `sku`.", "radio_monthly"),
    _Entry("skuId", _BOUGHT, "Another name of `sku`.", "radio_monthly"),
    _Entry("amount", _BOUGHT, "What was paid, in `currency`.", 9.99),
    _Entry("currency", _BOUGHT, "ISO 4217 code of the currency.", "USD"),
    _Entry("quantity", _BOUGHT, "How many were bought, as text.", "1"),
    _Entry(
        "locale",
        _BOUGHT,
        "Language, country and currency of the purchase.",
        "en_US@currency=USD",
    ),
    _Entry(
        "localized_description",
        _BOUGHT,
        "The product in the user's language.",
        "1 month of Premium",
    ),
    _Entry("purchase_date", _BOUGHT, "When it was bought.", _TIME),
    _Entry(
        "original_purchase_date",
        _BOUGHT,
        "When the first purchase of the subscription was made.",
        _TIME,
    ),
    _Entry(
        "subscription_interval",
        _BOUGHT,
        "Unit of the subscription's term: day, week, month, quarter, halfyear or year.",
        "month",
    ),
    _Entry(
        "subscription_interval_count",
        _BOUGHT,
        "How many such units the term has.",
        1,
    ),
    _Entry(
        "subcription_interval_count",
        _BOUGHT,
        "Another spelling of `subscription_interval_count`.",
        1,
    ),
    _Entry(
        "impression_id",
        _BOUGHT,
        "The `device.impression` that led to the purchase.",
        _UUID,
    ),
    _Entry("impression", _BOUGHT, "Another name of `impression_id`.", _UUID),
    # device.session.*
    _Entry("start_time", _SESSION, "When the session began.", "2024-05-29T00:49:00Z"),
    _Entry("end_time", "device.session.end", "When the session ended.", _TIME),
    # purchase.updated
    _Entry(
        "collapse_key",
        _PURCHASE,
        "Key of the purchase: the newest event of each key holds.",
        "apple-1000000512345678",
        is_in_every_record=True,
    ),
    _Entry("billing_cycles", _PURCHASE, "How often it was billed.", 3),
    _Entry("canceled_at", _PURCHASE, "When it was cancelled.", _TIME),
    _Entry(
        "current_term_length",
        _PURCHASE,
        "Length of the current term, as an ISO 8601 duration.",
        "P1M",
    ),
    _Entry("expires_at", _PURCHASE, "When its access ends.", "2024-06-29T00:57:05Z"),
    _Entry("is_active", _PURCHASE, "Whether it gives access now.", example=True),
    _Entry(
        "is_auto_renewable", _PURCHASE, "Whether it renews by itself.", example=True
    ),
    _Entry(
        "is_free_trial_conversion",
        _PURCHASE,
        "Whether it is the first payment after a free trial.",
        example=False,
    ),
    _Entry("devices_with_access", _PURCHASE, "Devices that it gives access.", []),
    _Entry("entitlements", _PURCHASE, "Entitlements that it opens.", []),
)
"""By event type; a property that means the same in several stands once."""


def properties_of(event_type: str) -> tuple[DocumentedProperty, ...]:
    """Return the documented event properties of an event type."""
    return tuple(each for each in EVENT_PROPERTIES if each.belongs_to(event_type))
