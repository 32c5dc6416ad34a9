"""Resolves the ids of events to users, and devices to who logged in on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.ingest.effects import NameKind, Sharing, User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.local.ingest.behaviour import Behaviour
    from target_amplitude_nami.local.ingest.effects import Memory, NewName
    from target_amplitude_nami.local.ingest.identity import Fingerprinter, Ids


class UserResolver:
    """Resolves the ids of the events of one request to users.

    A device belongs to the user who used it last. Its events from before any login
    become those of the first user who logs in on it (Amplitude's pages on tracking
    unique users).

    Args:
        project: The name of the project.
        fingerprinter: Makes the fingerprints of the project's ids.
        ids: The ids of all events of the request.
        memory: What is stored of earlier requests.
        behaviour: What to do where the documentation leaves it open.
    """

    def __init__(
        self,
        project: str,
        fingerprinter: Fingerprinter,
        ids: Iterable[Ids],
        memory: Memory,
        behaviour: Behaviour,
    ) -> None:
        self._project = project
        self._memory = memory
        self._behaviour = behaviour
        named = set(ids)
        users, devices = {i.user_id for i in named}, {i.device_id for i in named}
        self._user_ids = fingerprinter.of_ids(NameKind.USER_ID, _given(users))
        self._device_ids = fingerprinter.of_ids(NameKind.DEVICE_ID, _given(devices))
        self._owners = memory.owners(
            [*self._user_ids.values(), *self._device_ids.values()],
        )
        self.owners: dict[int, User] = {}
        """The users of new and of reassigned ids, by the ids' fingerprints."""
        self.changed: dict[int, User] = {}
        """The users that are new or changed, by their numbers."""
        self.names: list[NewName] = []
        self.joins: list[User] = []
        self.sharings: list[Sharing] = []
        self.active = 0
        """How many more users have an event that charts can show."""

    def resolve(self, ids: Ids) -> User:
        """Return the user of an event with these ids."""
        user_id, device_id = ids
        holder = None
        if device_id is not None:
            holder = self._owner(self._device_ids[device_id])
        if user_id is None:
            return holder or self._new_device(device_id or "")
        user = self._owner(self._user_ids[user_id])
        if user is not None and user is holder:
            return user
        if not self._behaviour.join_devices:
            return user or self._new_user(user_id, device_id)
        anonymous = holder if holder is not None and holder.user_id is None else None
        if user is None:
            user = self._new_user(user_id, device_id, anonymous)
        elif anonymous is not None:
            self._join(anonymous, user)
        if device_id is not None and user is not holder:
            if holder is not None and holder.current is not user:
                mark = self._device_ids[device_id]
                self.sharings.append(Sharing(mark, holder, user))
            self._give_device(device_id, user)
        return user

    def mark_changed(self, user: User) -> None:
        """Record that a user has changed."""
        self.changed[user.number] = user

    def add_names(self, names: Iterable[NewName]) -> None:
        """Add names by which users can be looked up."""
        self.names.extend(names)

    def activate(self, user: User) -> None:
        """Record that a user has an event that charts can show."""
        if not user.active:
            user.active = True
            self.changed[user.number] = user
            self.active += 1

    def _owner(self, fingerprint: int) -> User | None:
        user = self._owners.get(fingerprint)
        return None if user is None else user.current

    def _new_device(self, device_id: str) -> User:
        user = self._new(None, device_id)
        self._give_device(device_id, user)
        return user

    def _new_user(
        self,
        user_id: str,
        device_id: str | None,
        anonymous: User | None = None,
    ) -> User:
        """Return the user of a new user id, who may be a known anonymous device."""
        user = anonymous or self._new(user_id, device_id)
        user.user_id = user_id
        self.changed[user.number] = user
        fingerprint = self._user_ids[user_id]
        self._owners[fingerprint] = self.owners[fingerprint] = user
        self.names.append((user, NameKind.USER_ID, user_id))
        return user

    def _new(self, user_id: str | None, device_id: str | None) -> User:
        number = self._memory.next_user()
        user = User(number, self._project, user_id, device_id)
        self.changed[number] = user
        return user

    def _give_device(self, device_id: str, user: User) -> None:
        fingerprint = self._device_ids[device_id]
        self._owners[fingerprint] = self.owners[fingerprint] = user
        self.names.append((user, NameKind.DEVICE_ID, device_id))

    def _join(self, anonymous: User, user: User) -> None:
        """Merge an anonymous device into a user who was known before."""
        anonymous.joined = user
        self.joins.append(anonymous)
        self.changed.pop(anonymous.number, None)
        self.changed[user.number] = user
        self.active -= anonymous.active and user.active
        user.active = user.active or anonymous.active
        if not self._behaviour.join_properties:
            return
        table, origins = user.profile.mutable()
        old_table, old_origins = anonymous.profile.mutable()
        for name in old_table.keys() - table.keys():
            table[name] = old_table[name]
            if name in old_origins:
                origins[name] = old_origins[name]
        user.fields = {**anonymous.fields, **user.fields}


def _given(names: Iterable[str | None]) -> list[str]:
    return [name for name in names if name is not None]
