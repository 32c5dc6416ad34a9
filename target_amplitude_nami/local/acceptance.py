"""What becomes of the events of an accepted request, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_amplitude_nami.local import fields, languages, limits, properties
from target_amplitude_nami.local.clipping import clipped, may_be_long
from target_amplitude_nami.local.identity import Ids, Marks, device_of
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
from target_amplitude_nami.local.people import People

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_amplitude_nami.local.model import NewName
    from target_amplitude_nami.local.switches import Switches
    from target_amplitude_nami.local.throttle import UpdateBudget

_SKIP = "$skip_user_properties_sync"
_UPLOADER = "$remote"
_UNLISTED = frozenset({limits.IDENTIFY, limits.GROUP_IDENTIFY})
_NAMI_IDS = frozenset({"namiml_user_id", "namiml_device_ids"})

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
        switches: How to decide what the documentation leaves open.
        budget: How many updates each user may still have.
        arrival: When the request came, and from where.
    """

    def __init__(
        self,
        upload: Upload,
        memory: Memory,
        switches: Switches,
        *,
        budget: UpdateBudget,
        arrival: Arrival,
    ) -> None:
        self._upload = upload
        self._project = upload.project
        self._marks = Marks(self._project)
        self._memory = memory
        self._switches = switches
        self._budget = budget
        self._now, self._peer = arrival
        self._kinds = dict(memory.kinds(self._project))
        self._listed = sum(kind is Kind.EVENT for kind in self._kinds.values())

    def effects(self, ids: list[Ids]) -> Effects:
        """Return all that the events, which name these ids, change."""
        incoming = [
            self._read(event, named, raw)
            for event, named, raw in zip(
                self._upload.events, ids, self._upload.raws, strict=True
            )
        ]
        fresh = list(self._without_copies(incoming))
        named = [item.ids for item in fresh]
        people = self._people = People(
            self._project,
            self._marks,
            named,
            self._memory,
            self._switches,
        )
        events = [self._stored(item) for item in fresh]
        return Effects(
            events=events,
            duplicates=len(incoming) - len(fresh),
            fingerprints=[i.fingerprint for i in fresh if i.fingerprint is not None],
            users=list(people.changed.values()),
            owners=people.owners,
            names=people.names,
            joins=people.joins,
            active=people.active,
        )

    def _read(self, event: JsonObject, ids: Ids, raw: bytes) -> _Incoming:
        if may_be_long(raw):
            event = clipped(event)
        insert_id = event.get("insert_id")
        if insert_id is not None:
            parts: tuple[object, ...] = (insert_id,)
        elif self._switches.dedupe_without_insert_id:
            parts = (event.get("event_id"), event.get("time"))
        else:
            return _Incoming(event, raw, ids, None)
        device_id = ids.device_id or device_of(ids.user_id or "")
        same = self._marks.of_copies(device_id, *parts)
        return _Incoming(event, raw, ids, same)

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
        event, people = item.event, self._people
        number = self._memory.next_event()
        user = people.whose(item.ids)
        event_type = event["event_type"]
        time = event.get("time")
        overlay, changes = self._apply(event, user, number)
        if event.get("ip") == _UPLOADER:
            overlay["ip"] = self._peer
        kind = self._kind(event_type)
        if kind is Kind.EVENT:
            people.activate(user)
        return NewEvent(
            number=number,
            project=self._project,
            event_type=event_type,
            kind=kind,
            user=user,
            time=int(self._now * 1_000) if time is None else time,
            raw=item.raw,
            overlay=_encode(overlay),
            changes=changes,
        )

    def _apply(
        self,
        event: JsonObject,
        user: User,
        number: int,
    ) -> tuple[JsonObject, bytes | None]:
        """Let an event change its user; return what it shows of them, and the changes.

        An event that skips the user shows its own properties alone, and the user is
        neither read nor written (HTTP V2 API, `$skip_user_properties_sync`).
        """
        sent = event.get("user_properties")
        if event.get(_SKIP) is True:
            own: JsonObject = {}
            properties.apply(own, sent or {})
            said = fields.merged({}, self._named(event))
            return {"user_properties": own, **said}, None
        changes = None
        # Over the limit the event stays and its update is lost.
        if sent and self._budget.spend(user.number):
            changes = self._update(user, sent, number)
        return {"user_properties": user.properties, **self._said(event, user)}, changes

    def _update(self, user: User, sent: JsonObject, number: int) -> bytes | None:
        """Change a user's properties; return what the changed ones had been before."""
        before = properties.apply(user.properties, sent)
        names = properties.changed(before, user.properties)
        if not names:
            return None
        self._people.changed[user.number] = user
        for name in names:
            user.origins[name] = number
            if name in _NAMI_IDS:
                self._people.names.extend(_nami_names(user, name))
        absent = properties.ABSENT
        new = [name for name in names if before[name] is absent]
        old = {name: before[name] for name in names if before[name] is not absent}
        return _encode(Changes(new, old))

    def _said(self, event: JsonObject, user: User) -> JsonObject:
        """Return what is known of device and place, and keep it for the user."""
        if not self._switches.keep_fields:
            return fields.merged({}, self._named(event))
        if fields.LASTING.isdisjoint(event):
            return user.fields
        known = fields.merged(user.fields, self._named(event))
        if known != user.fields:
            user.fields = known
            self._people.changed[user.number] = user
        return known

    def _named(self, event: JsonObject) -> JsonObject:
        """Return an event with the name of its language in place of a tag."""
        tag = event.get("language")
        if not isinstance(tag, str) or not self._switches.name_languages:
            return event
        return {**event, "language": languages.name_of(tag)}

    def _kind(self, event_type: str) -> Kind:
        """Return what a type is; a new one may be one too many for the project."""
        kind = self._kinds.get(event_type)
        if kind is None:
            kind = Kind.EVENT
            if event_type in _UNLISTED:
                kind = Kind.IDENTIFY
            elif self._listed >= self._switches.event_types:
                kind = Kind.BEYOND
            self._listed += kind is Kind.EVENT
            self._kinds[event_type] = kind
        return kind


def _nami_names(user: User, name: str) -> Iterable[NewName]:
    """Yield the ids under which Nami knows a user."""
    value = user.properties.get(name)
    for found in value if isinstance(value, list) else [value]:
        if isinstance(found, str):
            yield user, NameKind.NAMI_ID, found
