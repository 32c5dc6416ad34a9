"""What becomes of the events of an accepted request, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_amplitude_nami.local.ingest import fields, languages, limits, properties
from target_amplitude_nami.local.ingest.clipping import clipped, may_be_long
from target_amplitude_nami.local.ingest.identity import Fingerprinter, Ids, device_of
from target_amplitude_nami.local.ingest.user_resolver import UserResolver
from target_amplitude_nami.local.model import (
    Changes,
    Effects,
    JsonObject,
    Kind,
    Memory,
    NameKind,
    NewEvent,
    Upload,
    User,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_amplitude_nami.local.ingest.behaviour import Behaviour
    from target_amplitude_nami.local.ingest.throttling import UpdateBudget
    from target_amplitude_nami.local.model import NewName

_SKIP = "$skip_user_properties_sync"
_UPLOADER = "$remote"
_UNLISTED = frozenset({limits.IDENTIFY, limits.GROUP_IDENTIFY})
_NAMI_IDS = frozenset({"namiml_user_id", "namiml_device_ids"})

_SHOWN = "user_properties"
_NOTHING = b"{}"

_encode = msgspec.json.Encoder().encode


class Arrival(NamedTuple):
    """When a request came, in seconds since 1970, and from where."""

    time: float
    peer: str


class _Incoming(msgspec.Struct, gc=False):
    """An event with what follows from it alone."""

    event: JsonObject
    raw: bytes
    ids: Ids
    fingerprint: int | None


class Acceptance:
    """Turns the accepted events of one request into effects.

    Args:
        upload: The request's content.
        memory: What is known from the requests before.
        behaviour: How to decide what the documentation leaves open.
        budget: How many updates each user may still have.
        arrival: When the request came, and from where.
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
        self._marks = Fingerprinter(self._project)
        self._memory = memory
        self._behaviour = behaviour
        self._budget = budget
        self._now, self._peer = arrival
        self._kinds = dict(memory.kinds(self._project))
        self._listed = sum(kind is Kind.EVENT for kind in self._kinds.values())

    def effects(self, ids: list[Ids]) -> Effects:
        """Return all that the events, which name these ids, change."""
        incoming = self._read(ids)
        fresh = list(self._without_copies(incoming))
        named = [item.ids for item in fresh]
        resolver = self._resolver = UserResolver(
            self._project,
            self._marks,
            named,
            self._memory,
            self._behaviour,
        )
        events = [self._stored(item) for item in fresh]
        return Effects(
            events=events,
            duplicates=len(incoming) - len(fresh),
            fingerprints=[i.fingerprint for i in fresh if i.fingerprint is not None],
            users=list(resolver.changed.values()),
            owners=resolver.owners,
            names=resolver.names,
            joins=resolver.joins,
            active=resolver.active,
        )

    def _read(self, ids: list[Ids]) -> list[_Incoming]:
        events = [
            clipped(event) if may_be_long(raw) else event
            for event, raw in zip(self._upload.events, self._upload.raws, strict=True)
        ]
        keys = [self._key(event, who) for event, who in zip(events, ids, strict=True)]
        marks = iter(self._marks.of_copies(key for key in keys if key is not None))
        return [
            _Incoming(event, raw, who, None if key is None else next(marks))
            for event, raw, who, key in zip(
                events, self._upload.raws, ids, keys, strict=True
            )
        ]

    def _key(
        self,
        event: JsonObject,
        ids: Ids,
    ) -> tuple[str, tuple[object, ...]] | None:
        """Return the device and the parts by which an event is known, if it is."""
        insert_id = event.get("insert_id")
        parts: tuple[object, ...] = (insert_id,)
        if insert_id is None:
            if not self._behaviour.dedupe_without_insert_id:
                return None
            parts = event.get("event_id"), event.get("time")
        return ids.device_id or device_of(ids.user_id or ""), parts

    def _without_copies(self, incoming: list[_Incoming]) -> Iterator[_Incoming]:
        """Drop what a device sent before under the same insert id, also just now.

        Seven days of server time; the event's own time plays no part (HTTP V2 API,
        Event deduplication).
        """
        marks = [item.fingerprint for item in incoming if item.fingerprint is not None]
        seen = self._memory.seen(marks, self._now - limits.DEDUPLICATION_SECONDS)
        for item in incoming:
            if item.fingerprint is None:
                yield item
            elif item.fingerprint not in seen:
                seen.add(item.fingerprint)
                yield item

    def _stored(self, item: _Incoming) -> NewEvent:
        event, resolver = item.event, self._resolver
        number = self._memory.next_event()
        user = resolver.resolve(item.ids)
        event_type = event["event_type"]
        time = event.get("time")
        overlay, changes = self._apply(event, user, number)
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
        )

    def _apply(
        self,
        event: JsonObject,
        user: User,
        number: int,
    ) -> tuple[JsonObject, bytes | None]:
        """Let an event change its user; return its overlay, and what it changed.

        An event that skips the user shows its own properties alone, and the user is
        neither read nor written (HTTP V2 API, `$skip_user_properties_sync`).
        """
        sent: JsonObject = event.get("user_properties") or {}
        if event.get(_SKIP) is True:
            own: JsonObject = {}
            properties.apply(own, sent)
            said = fields.merged({}, self._named(event))
            return (said if _is_all(sent, own) else {_SHOWN: own, **said}), None
        said = self._said(event, user)
        if not sent:
            text, _ = user.profile.written()
            return (said if text == _NOTHING else _shown(text, said)), None
        if not self._budget.spend(user.number):
            # Over the limit the event stays and its update is lost.
            return _shown(user.profile.written()[0], said), None
        table, origins = user.profile.opened()
        before = properties.apply(table, sent)
        changes = self._change(user, before, table, origins, number)
        if _is_all(sent, table):
            return said, changes
        return _shown(user.profile.written()[0], said), changes

    def _change(
        self,
        user: User,
        before: JsonObject,
        table: JsonObject,
        origins: dict[str, int],
        number: int,
    ) -> bytes | None:
        """Take down which properties changed; return what they had been before."""
        names = properties.changed(before, table)
        if not names:
            return None
        self._resolver.changed[user.number] = user
        new: list[str] = []
        old: JsonObject = {}
        for name in names:
            origins[name] = number
            if name in _NAMI_IDS:
                self._resolver.names.extend(_nami_names(user, table.get(name)))
            if before[name] is properties.ABSENT:
                new.append(name)
            else:
                old[name] = before[name]
        return _encode(Changes(new, old))

    def _said(self, event: JsonObject, user: User) -> JsonObject:
        """Return what is known of device and place, and keep it for the user."""
        if not self._behaviour.keep_fields:
            return fields.merged({}, self._named(event))
        if fields.LASTING.isdisjoint(event):
            return user.fields
        known = fields.merged(user.fields, self._named(event))
        if known != user.fields:
            user.fields = known
            self._resolver.changed[user.number] = user
        return known

    def _named(self, event: JsonObject) -> JsonObject:
        """Return an event with the name of its language in place of a tag."""
        tag = event.get("language")
        if not isinstance(tag, str) or not self._behaviour.name_languages:
            return event
        return {**event, "language": languages.name_of(tag)}

    def _kind(self, event_type: str) -> Kind:
        """Return what a type is; a new one may be one too many for the project."""
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


def _is_all(sent: JsonObject, shown: JsonObject) -> bool:
    """Tell whether an event shows the very properties that it was sent with.

    A user with as many properties as plain ones were just set has these and no other.
    """
    return len(sent) == len(shown) and properties.are_plain(sent)


def _shown(text: bytes, said: JsonObject) -> JsonObject:
    """Return what an event shows of its user and place in place of what it sent."""
    return {_SHOWN: msgspec.Raw(text), **said}


def _nami_names(user: User, value: object) -> Iterable[NewName]:
    """Yield the ids under which Nami knows a user."""
    for found in value if isinstance(value, list) else [value]:
        if isinstance(found, str):
            yield user, NameKind.NAMI_ID, found
