"""Applies events to their users: user properties and lasting fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.ingest import fields, properties
from target_amplitude_nami.local.ingest.effects import Changes, NameKind, User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.local.ingest.behaviour import Behaviour
    from target_amplitude_nami.local.ingest.effects import NewName
    from target_amplitude_nami.local.ingest.throttling import UpdateBudget
    from target_amplitude_nami.local.ingest.user_resolver import UserResolver
    from target_amplitude_nami.local.model import JsonObject

_SKIP = "$skip_user_properties_sync"
_NAMI_USER_ID = "namiml_user_id"
_NAMI_IDS = frozenset({_NAMI_USER_ID, "namiml_device_ids"})

_SHOWN = "user_properties"
_NOTHING = b"{}"

_encode = msgspec.json.Encoder().encode


class UserUpdater:
    """Applies the events of one request to their users.

    Args:
        resolver: Collects the users that changed.
        behaviour: What to do where the documentation leaves it open.
        budget: Limits the updates of each user.
    """

    def __init__(
        self,
        resolver: UserResolver,
        behaviour: Behaviour,
        budget: UpdateBudget,
    ) -> None:
        self._resolver = resolver
        self._behaviour = behaviour
        self._budget = budget
        self.nami_users: list[tuple[User, str]] = []
        """Users, each with a Nami user id that an event has set."""

    def apply(
        self,
        event: JsonObject,
        user: User,
        number: int,
    ) -> tuple[JsonObject, bytes | None]:
        """Apply an event to its user; return its overlay and its changes.

        An event that skips the user only shows its own properties, and the user is
        neither read nor written (HTTP V2 API, `$skip_user_properties_sync`).

        Args:
            event: The event.
            user: Its user.
            number: Its number.
        """
        sent: JsonObject = event.get("user_properties") or {}
        if event.get(_SKIP) is True:
            if isinstance(nami_id := sent.get(_NAMI_USER_ID), str):
                self.nami_users.append((user, nami_id))
            own: JsonObject = {}
            properties.apply(own, sent)
            lasting = fields.merged({}, event)
            return (lasting if _is_all(sent, own) else {_SHOWN: own, **lasting}), None
        lasting = self._lasting_fields(event, user)
        if not sent:
            text, _ = user.profile.encoded()
            return (lasting if text == _NOTHING else _shown(text, lasting)), None
        if not self._budget.spend(user.number):
            # Over the limit the event is stored, but its update is lost.
            return _shown(user.profile.encoded()[0], lasting), None
        table, origins = user.profile.mutable()
        before = properties.apply(table, sent)
        changes = self._change(user, before, table, origins, number)
        if _is_all(sent, table):
            return lasting, changes
        return _shown(user.profile.encoded()[0], lasting), changes

    def _change(
        self,
        user: User,
        before: JsonObject,
        table: JsonObject,
        origins: dict[str, int],
        number: int,
    ) -> bytes | None:
        """Record which properties changed; return the changes as JSON."""
        names = properties.changed(before, table)
        if not names:
            return None
        self._resolver.mark_changed(user)
        new: list[str] = []
        old: JsonObject = {}
        for name in names:
            origins[name] = number
            if name in _NAMI_IDS:
                self._resolver.add_names(_nami_names(user, table.get(name)))
            if name == _NAMI_USER_ID and isinstance(nami_id := table.get(name), str):
                self.nami_users.append((user, nami_id))
            if before[name] is properties.ABSENT:
                new.append(name)
            else:
                old[name] = before[name]
        return _encode(Changes(new, old))

    def _lasting_fields(self, event: JsonObject, user: User) -> JsonObject:
        """Return the lasting fields after an event, and keep them for its user."""
        if not self._behaviour.keep_fields:
            return fields.merged({}, event)
        if fields.LASTING.isdisjoint(event):
            return user.fields
        known = fields.merged(user.fields, event)
        if known != user.fields:
            user.fields = known
            self._resolver.mark_changed(user)
        return known


def _is_all(sent: JsonObject, shown: JsonObject) -> bool:
    """Return whether an event shows just the properties that it was sent with.

    A user with as many properties as plain ones were just set has no others.
    """
    return len(sent) == len(shown) and properties.are_plain(sent)


def _shown(text: bytes, lasting: JsonObject) -> JsonObject:
    """Return the overlay of an event: its user's properties and lasting fields."""
    return {_SHOWN: msgspec.Raw(text), **lasting}


def _nami_names(user: User, value: object) -> Iterator[NewName]:
    """Yield Nami's ids of a user as names."""
    for found in value if isinstance(value, list) else [value]:
        if isinstance(found, str):
            yield user, NameKind.NAMI_ID, found
