"""Groups the settings that single parts of a run need.

Pipeline and delivery take these instead of all settings, so that one sees what each of
them depends on. The names are those of the settings where there is one.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingOptions:
    """Which records become events, under which names, users and properties."""

    sent_names: tuple[tuple[str, str], ...]
    """Each event type that is sent, with the name under which it is sent."""
    start_ms: int | None = None
    """`start_date` in milliseconds since 1970."""
    extra_user_properties: tuple[str, ...] = ()
    """The names of properties, `*` expanded."""
    exclude_properties: tuple[str, ...] = ()
    """Names and patterns."""
    revenue: t.Literal["none", "transactions"] = "none"
    sandbox_purchases: t.Literal["send", "skip"] = "send"
    has_sandbox_project: bool = False
    """Whether sandbox events go to a project of their own."""
    user_source: t.Literal["external_id", "nami_user_id"] = "external_id"
    anonymous_users: t.Literal["device", "nami_user_id", "hold", "skip", "reject"] = (
        "device"
    )
    min_id_length: int | None = None
    stale_user_properties: t.Literal["skip", "send"] = "skip"
    backfill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """How requests are filled, rate-limited and repeated."""

    lanes: int
    """Requests in flight at a time."""
    events_per_request: int
    event_bytes: int
    """Of the events of one request and the commas between them."""
    batch_wait_seconds: float
    """How long an event waits for its request to fill."""
    retry_for: float
    """How many seconds a request may keep failing."""
    events_per_second: int | None
    """Most events a second in the whole run; None: no limit."""
    events_per_second_per_id: int | None
    """Most events a second of one user or device; None, for a dry run: no limit."""
