"""Turns the events of an accepted request into effects, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.ingest.clipping import clipped, may_be_long
from target_amplitude_nami.local.ingest.effects import (
    Effects,
    Kind,
    Memory,
    NewEvent,
)
from target_amplitude_nami.local.ingest.identity import Fingerprinter, Ids, device_of
from target_amplitude_nami.local.ingest.user_resolver import UserResolver
from target_amplitude_nami.local.ingest.user_updater import UserUpdater
from target_amplitude_nami.local.model import JsonObject, Upload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.local.ingest.behaviour import Behaviour
    from target_amplitude_nami.local.ingest.throttling import UpdateBudget

_UPLOADER = "$remote"
_UNLISTED = frozenset({limits.IDENTIFY, limits.GROUP_IDENTIFY})

_NOTHING = b"{}"

_encode = msgspec.json.Encoder().encode


class Arrival(NamedTuple):
    """When a request arrived, in seconds since 1970, and from which address."""

    time: float
    peer: str


class _Incoming(msgspec.Struct, gc=False):
    """An event with its bytes, its ids and its fingerprint."""

    event: JsonObject
    raw: bytes
    ids: Ids
    fingerprint: int | None


class Acceptance:
    """Turns the accepted events of one request into effects.

    Args:
        upload: The request's content.
        memory: What is stored of earlier requests.
        behaviour: What to do where the documentation leaves it open.
        budget: Limits the updates of each user.
        arrival: When the request arrived, and from which address.
    """

    def __init__(
        self,
        upload: Upload,
        memory: Memory,
        behaviour: Behaviour,
        *,
        budget: UpdateBudget,
        arrival: Arrival,
    ) -> None:
        self._upload = upload
        self._project = upload.project
        self._fingerprinter = Fingerprinter(self._project)
        self._memory = memory
        self._behaviour = behaviour
        self._budget = budget
        self._now, self._peer = arrival
        self._kinds = dict(memory.kinds(self._project))
        self._listed = sum(kind is Kind.EVENT for kind in self._kinds.values())

    def effects(self, ids: list[Ids]) -> Effects:
        """Return everything that the events change.

        Args:
            ids: The ids of each event.
        """
        incoming = self._read(ids)
        fresh = list(self._without_duplicates(incoming))
        named = [item.ids for item in fresh]
        resolver = UserResolver(
            self._project,
            self._fingerprinter,
            named,
            self._memory,
            self._behaviour,
        )
        updater = UserUpdater(resolver, self._behaviour, self._budget)
        events = [self._new_event(item, resolver, updater) for item in fresh]
        return Effects(
            events=events,
            duplicates=len(incoming) - len(fresh),
            fingerprints=[i.fingerprint for i in fresh if i.fingerprint is not None],
            users=list(resolver.changed.values()),
            owners=resolver.owners,
            names=resolver.names,
            joins=resolver.joins,
            sharings=resolver.sharings,
            nami_users=updater.nami_users,
            active=resolver.active,
        )

    def _read(self, ids: list[Ids]) -> list[_Incoming]:
        events = [
            clipped(event) if may_be_long(raw) else event
            for event, raw in zip(self._upload.events, self._upload.raws, strict=True)
        ]
        keys = [self._key(event, who) for event, who in zip(events, ids, strict=True)]
        fingerprints = iter(
            self._fingerprinter.of_events(key for key in keys if key is not None)
        )
        return [
            _Incoming(event, raw, who, None if key is None else next(fingerprints))
            for event, raw, who, key in zip(
                events, self._upload.raws, ids, keys, strict=True
            )
        ]

    def _key(
        self,
        event: JsonObject,
        ids: Ids,
    ) -> tuple[str, tuple[object, ...]] | None:
        """Return the device and the parts that duplicates of an event share."""
        insert_id = event.get("insert_id")
        parts: tuple[object, ...] = (insert_id,)
        if insert_id is None:
            if not self._behaviour.dedupe_without_insert_id:
                return None
            parts = event.get("event_id"), event.get("time")
        return ids.device_id or device_of(ids.user_id or ""), parts

    def _without_duplicates(self, incoming: list[_Incoming]) -> Iterator[_Incoming]:
        """Drop events that a device sent before with the same insert id.

        Within seven days of server time; the event's own time does not matter
        (HTTP V2 API, Event deduplication).
        """
        known = [item.fingerprint for item in incoming if item.fingerprint is not None]
        seen = self._memory.seen(known, self._now - limits.DEDUPLICATION_SECONDS)
        for item in incoming:
            if item.fingerprint is None:
                yield item
            elif item.fingerprint not in seen:
                seen.add(item.fingerprint)
                yield item

    def _new_event(
        self,
        item: _Incoming,
        resolver: UserResolver,
        updater: UserUpdater,
    ) -> NewEvent:
        event = item.event
        number = self._memory.next_event()
        user = resolver.resolve(item.ids)
        event_type = event["event_type"]
        time = event.get("time")
        overlay, changes = updater.apply(event, user, number)
        if event.get("ip") == _UPLOADER:
            overlay = {**overlay, "ip": self._peer}
        kind = self._kind(event_type)
        if kind is Kind.EVENT:
            resolver.activate(user)
        return NewEvent(
            number=number,
            project=self._project,
            event_type=event_type,
            kind=kind,
            user=user,
            time=int(self._now * 1_000) if time is None else time,
            raw=item.raw,
            overlay=_encode(overlay) if overlay else _NOTHING,
            changes=changes,
            sent=event,
        )

    def _kind(self, event_type: str) -> Kind:
        """Return the kind of an event type; a new one may exceed the limit."""
        kind = self._kinds.get(event_type)
        if kind is None:
            kind = Kind.EVENT
            if event_type in _UNLISTED:
                kind = Kind.IDENTIFY
            elif self._listed >= self._behaviour.event_types:
                kind = Kind.BEYOND
            self._listed += kind is Kind.EVENT
            self._kinds[event_type] = kind
        return kind
