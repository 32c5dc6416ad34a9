"""Converts a stored event to the shape of Amplitude's Export API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from target_amplitude_nami.local.ingest.clipping import clipped, may_be_long
from target_amplitude_nami.local.ingest.identity import device_of, ids_of
from target_amplitude_nami.local.jsontext import decode

if TYPE_CHECKING:
    from target_amplitude_nami.local.model import JsonObject

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REVENUE_FIELDS = ("price", "quantity", "productId", "revenueType", "currency")
_KEPT_FIELDS = frozenset(
    {
        "group_properties",
        "groups",
        "ip",
        "library",
        "location_lat",
        "location_lng",
    },
)


def export_of(
    raw: bytes,
    overlay: JsonObject,
    *,
    event_type: str,
    time: int,
    uploaded: int,
) -> JsonObject:
    """Return a stored event in the shape of the Export API (event fields).

    Args:
        raw: The event as it was sent.
        overlay: The part of it that was not sent with it, mainly its user's properties.
        event_type: Its type.
        time: When it happened, in milliseconds since 1970.
        uploaded: When it arrived, likewise.
    """
    event: JsonObject = decode(raw)
    if may_be_long(raw):
        event = clipped(event)
    ids = ids_of(event)
    return {
        "event_type": event_type,
        "user_id": ids.user_id,
        "device_id": ids.device_id or device_of(ids.user_id or ""),
        "event_time": export_time(time),
        "$insert_id": event.get("insert_id"),
        "event_properties": event.get("event_properties") or {},
        "user_properties": event.get("user_properties") or {},
        "server_upload_time": export_time(uploaded),
        "event_id": event.get("event_id"),
        "session_id": event.get("session_id", -1),
        **{name: event[name] for name in event.keys() & _KEPT_FIELDS},
        **_revenue(event),
        **overlay,
    }


def export_time(milliseconds: int) -> str:
    """Return a time as exports have it: UTC, without saying so."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(" ", "microseconds").removesuffix("+00:00")


def _revenue(event: JsonObject) -> JsonObject:
    """Return the revenue fields; price times quantity wins (Revenue tracking)."""
    price, amount = event.get("price"), event.get("revenue")
    if price is not None:
        quantity = event.get("quantity")
        amount = price * (1 if quantity is None else quantity)
    if amount is None:
        return {}
    given = {f"${name}": event[name] for name in _REVENUE_FIELDS if name in event}
    return {"$revenue": amount, **given}
