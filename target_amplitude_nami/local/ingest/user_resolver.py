"""Whose an event is: users by their ids, devices by who logged in on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.model import NameKind, User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.local.ingest.behaviour import Behaviour
    from target_amplitude_nami.local.ingest.identity import Fingerprinter, Ids
    from target_amplitude_nami.local.model import Memory, NewName


class UserResolver:
    """The users whom the events of one request name, and what it teaches of them.

    A device belongs to the user who sent from it last. What it did before anyone was
    known counts for the first one who logs in on it (Amplitude's pages on tracking
    unique users).
    """

    def __init__(
        self,
        project: str,
        marks: Fingerprinter,
        ids: Iterable[Ids],
        memory: Memory,
        behaviour: Behaviour,
    ) -> None:
        self._project = project
        self._memory = memory
        self._behaviour = behaviour
        named = set(ids)
        users, devices = {i.user_id for i in named}, {i.device_id for i in named}
        self._user_ids = marks.of_ids(NameKind.USER_ID, _given(users))
        self._device_ids = marks.of_ids(NameKind.DEVICE_ID, _given(devices))
        self._owners = memory.owners(
            [*self._user_ids.values(), *self._device_ids.values()],
        )
        self.owners: dict[int, User] = {}
        """Whose the ids are that were new, or changed hands."""
        self.changed: dict[int, User] = {}
        """The users that are new or became known, by their numbers."""
        self.names: list[NewName] = []
        self.joins: list[User] = []
        self.active = 0
        """How many more users there are with an event that charts can show."""

    def resolve(self, ids: Ids) -> User:
        """Return the user that an event with these ids is of."""
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
            self._give_device(device_id, user)
        return user

    def activate(self, user: User) -> None:
        """Take down that a user has an event that charts can show."""
        if not user.active:
            user.active = True
            self.changed[user.number] = user
            self.active += 1

    def _owner(self, mark: int) -> User | None:
        user = self._owners.get(mark)
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
        """Return a user new by name, who may be known as an anonymous device."""
        user = anonymous or self._new(user_id, device_id)
        user.user_id = user_id
        self.changed[user.number] = user
        mark = self._user_ids[user_id]
        self._owners[mark] = self.owners[mark] = user
        self.names.append((user, NameKind.USER_ID, user_id))
        return user

    def _new(self, user_id: str | None, device_id: str | None) -> User:
        number = self._memory.next_user()
        user = User(number, self._project, user_id, device_id)
        self.changed[number] = user
        return user

    def _give_device(self, device_id: str, user: User) -> None:
        mark = self._device_ids[device_id]
        self._owners[mark] = self.owners[mark] = user
        self.names.append((user, NameKind.DEVICE_ID, device_id))

    def _join(self, anonymous: User, user: User) -> None:
        """Make an anonymous device one with a user who was known before."""
        anonymous.joined = user
        self.joins.append(anonymous)
        self.changed.pop(anonymous.number, None)
        self.changed[user.number] = user
        self.active -= anonymous.active and user.active
        user.active = user.active or anonymous.active
        if not self._behaviour.join_properties:
            return
        table, origins = user.profile.opened()
        old_table, old_origins = anonymous.profile.opened()
        for name in old_table.keys() - table.keys():
            table[name] = old_table[name]
            if name in old_origins:
                origins[name] = old_origins[name]
        user.fields = {**anonymous.fields, **user.fields}


def _given(names: Iterable[str | None]) -> list[str]:
    return [name for name in names if name is not None]
