"""What becomes of the events of an accepted request, one after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local import limits, properties
from target_amplitude_nami.local.clipping import clipped, may_be_long
from target_amplitude_nami.local.identity import (
    Ids,
    device_of,
    fingerprint,
    user_key,
)
from target_amplitude_nami.local.model import (
    Effects,
    JsonObject,
    Memory,
    NewEvent,
    Switches,
    Upload,
    User,
    UserKey,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOUR = 3_600

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNLISTED = frozenset({limits.IDENTIFY, limits.GROUP_IDENTIFY})
_SKIP = "$skip_user_properties_sync"

_REVENUE_FIELDS = ("price", "quantity", "productId", "revenueType", "currency")
_KEPT_FIELDS = frozenset(
    {
        "app_version",
        "carrier",
        "city",
        "country",
        "device_brand",
        "device_manufacturer",
        "device_model",
        "dma",
        "group_properties",
        "groups",
        "ip",
        "language",
        "library",
        "location_lat",
        "location_lng",
        "os_name",
        "os_version",
        "platform",
        "region",
    },
)


class _Incoming(msgspec.Struct, gc=False):
    """An event with what follows from it alone."""

    event: JsonObject
    raw: bytes
    user_id: str | None
    device_id: str
    time: int
    user: UserKey
    fingerprint: int | None


class Acceptance:
    """Turns accepted events into effects."""

    def __init__(self, switches: Switches) -> None:
        self._switches = switches

    def accept(
        self,
        upload: Upload,
        ids: list[Ids],
        memory: Memory,
        now: float,
    ) -> Effects:
        """Return all that these events, which name these ids, change."""
        project = upload.project
        uploaded = int(now * 1_000)
        uploaded_text = _export_time(uploaded)
        incoming = [
            self._read(project, event, named, raw, uploaded)
            for event, named, raw in zip(upload.events, ids, upload.raws, strict=True)
        ]
        fresh = list(_without_copies(incoming, memory, now))
        users = memory.users({item.user for item in fresh})
        changed: dict[UserKey, User] = {}
        events = []
        for item in fresh:
            user = users.get(item.user)
            if user is None:
                user = users[item.user] = changed[item.user] = User({}, now, 0)
            sent = item.event.get("user_properties") or {}
            if item.event.get(_SKIP) is True:
                snapshot: JsonObject = {}
                properties.apply(snapshot, sent)
            else:
                snapshot = user.properties
                if sent and self._counts_update(user, now):
                    properties.apply(snapshot, sent)
                    changed[item.user] = user
            events.append(_new_event(item, snapshot, uploaded, uploaded_text))
        return Effects(
            events=events,
            duplicates=len(incoming) - len(fresh),
            fingerprints=[i.fingerprint for i in fresh if i.fingerprint is not None],
            users=changed,
        )

    def _counts_update(self, user: User, now: float) -> bool:
        """Count an update of a user, unless they had too many in this hour.

        Then the event stays and the update is lost (HTTP V2 API, Rate limiting).
        """
        if now - user.hour >= _HOUR:
            user.hour, user.updates = now, 0
        if user.updates >= self._switches.user_updates_per_hour:
            return False
        user.updates += 1
        return True

    def _read(
        self,
        project: str,
        event: JsonObject,
        ids: Ids,
        raw: bytes,
        uploaded: int,
    ) -> _Incoming:
        if may_be_long(raw):
            event = clipped(event)
        device_id = ids.device_id or device_of(ids.user_id or "")
        time = event.get("time")
        insert_id = event.get("insert_id")
        same = None
        if insert_id is not None:
            same = fingerprint(project, device_id, insert_id)
        elif self._switches.dedupe_without_insert_id:
            same = fingerprint(project, device_id, event.get("event_id"), time)
        return _Incoming(
            event,
            raw,
            ids.user_id,
            device_id,
            uploaded if time is None else time,
            user_key(project, ids.user_id, device_id),
            same,
        )


def _without_copies(
    incoming: list[_Incoming],
    memory: Memory,
    now: float,
) -> Iterator[_Incoming]:
    """Drop what a device sent before under the same insert id, also in this request.

    Seven days of server time; the event's own time plays no part (HTTP V2 API, Event
    deduplication).
    """
    marks = [item.fingerprint for item in incoming if item.fingerprint is not None]
    seen = memory.seen(marks, now - limits.DEDUPLICATION_SECONDS)
    for item in incoming:
        if item.fingerprint is None:
            yield item
        elif item.fingerprint not in seen:
            seen.add(item.fingerprint)
            yield item


def _new_event(
    item: _Incoming,
    snapshot: JsonObject,
    uploaded: int,
    uploaded_text: str,
) -> NewEvent:
    event = item.event
    export = {
        "event_type": event["event_type"],
        "user_id": item.user_id,
        "device_id": item.device_id,
        "event_time": _export_time(item.time),
        "$insert_id": event.get("insert_id"),
        "event_properties": event.get("event_properties") or {},
        "user_properties": snapshot,
        "server_upload_time": uploaded_text,
        "event_id": event.get("event_id"),
        "session_id": event.get("session_id", -1),
        **{name: event[name] for name in event.keys() & _KEPT_FIELDS},
        **_revenue(event),
    }
    return NewEvent(
        project=item.user.project,
        event_type=event["event_type"],
        user_id=item.user_id,
        device_id=item.device_id,
        insert_id=event.get("insert_id"),
        time=item.time,
        uploaded=uploaded,
        listed=event["event_type"] not in _UNLISTED,
        export=msgspec.json.encode(export).decode(),
        raw=item.raw,
    )


def _export_time(milliseconds: int) -> str:
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
