"""Finds the ids that belong together in the store: those of one person.

An External ID is a customer's (Nami docs, "Accounts"): Nami users with the same one now
are one person. An External ID that a Nami user had before belongs to them as well,
unless another Nami user has it now. A device is theirs while no other user is known on
it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from target_amplitude_nami.erasing.id_conditions import Condition, among, any_of
from target_amplitude_nami.erasing.person import NO_IDS, Ids, Person
from target_amplitude_nami.store.model import (
    DEVICE,
    SEVERAL_EXTERNAL_IDS,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.erasing.exclusive_sqlite import ExclusiveFile

_DEVICES_OF_STATE: t.Final = (
    "json_each(iif(json_valid(state), state, '[]'), '$.device_ids')"
)
IS_A_DEVICE: t.Final = """
nami_user_id IS device_id AND external_id IS NULL
AND nami_user_id NOT IN (SELECT nami_user_id FROM id_owners)
AND nami_user_id NOT IN (SELECT nami_user_id FROM id_conflicts)
"""
"""The row in `users` of a device that no record named a user of; see `user_key_of`. Who
has that id as a Nami user id was seen with a device."""


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A person, and others that the same ids lead to and who are somebody else."""

    person: Person
    others: Ids = NO_IDS
    """Nami users who share a device with them, or had their External ID before."""


@dataclass(frozen=True, slots=True)
class _User:
    """The ids of users, of both kinds."""

    nami: Ids = NO_IDS
    external: Ids = NO_IDS

    @property
    def all(self) -> Ids:
        """The ids of both kinds."""
        return self.nami | self.external

    def without(self, other: _User) -> Ids:
        """Return the ids that others do not have."""
        return self.nami.without(other.nami) | self.external.without(other.external)

    def one_by_one(self) -> Iterator[_User]:
        """Yield each id as a user of its own."""
        yield from (_User(nami=Ids([each])) for each in self.nami)
        yield from (_User(external=Ids([each])) for each in self.external)

    @property
    def rows(self) -> Condition:
        """What their rows in `users` fulfil."""
        return any_of(
            among("nami_user_id", self.nami), among("external_id", self.external)
        )


class PersonLookup:
    """Looks a person up by one id."""

    def __init__(self, file: ExclusiveFile, *, sends_nami_ids: bool) -> None:
        """Take the store's file.

        Args:
            file: The file.
            sends_nami_ids: Whether an event's user is a Nami user (`user_source`), in
                case that an External ID of one is the Nami user id of another.
        """
        self._file = file
        self._sends_nami_ids = sends_nami_ids

    def of_nami_user(self, nami_user_id: str) -> FoundPerson:
        """Return the person of a Nami user id."""
        return self._found(self._completed(_User(nami=Ids([nami_user_id]))))

    def of_external_id(self, external_id: str) -> FoundPerson:
        """Return the person of an External ID."""
        user = self._completed(_User(external=Ids([external_id])))
        same = among("id", user.external)
        seen_at = self._column(
            "nami_user_id FROM id_owners", same, "kind = 'external_id'"
        )
        seen_at |= self._column(
            "nami_user_id FROM id_conflicts", same, f"kind <> '{DEVICE}'"
        )
        seen_at |= self._column(
            "nami_user_id FROM id_conflicts",
            among("other_id", user.external),
            f"kind = '{SEVERAL_EXTERNAL_IDS}'",
        )
        return self._found(user, Ids(seen_at).without(user.nami))

    def of_device(self, device_id: str) -> FoundPerson:
        """Return the person of a device: of its only user, or known by it alone."""
        devices = Ids([device_id])
        on_it = self._users_on(devices)
        for start in on_it.one_by_one():
            user = self._completed(start)
            if not on_it.without(user):
                return self._found(user)
            break
        return FoundPerson(Person(device_ids=devices), on_it.all)

    def _completed(self, user: _User) -> _User:
        """Return a user with all ids that belong together."""
        while True:
            external = user.external | self._column("external_id FROM users", user.rows)
            external |= self._only_theirs(self._earlier(user.nami), user)
            # A row without a Nami user has the External ID in its place.
            nami = user.nami | self._column(
                "nami_user_id FROM users",
                _User(user.nami, external).rows,
                "nami_user_id IS NOT external_id",
            )
            if (nami, external) == (user.nami, user.external):
                return user
            user = _User(nami, external)

    def _earlier(self, nami: Ids) -> Ids:
        """Return the External IDs that were seen at Nami users."""
        theirs = among("nami_user_id", nami)
        found = self._column("id FROM id_owners", theirs, "kind = 'external_id'")
        found |= self._column("id FROM id_conflicts", theirs, f"kind <> '{DEVICE}'")
        found |= self._column(
            "other_id FROM id_conflicts", theirs, f"kind = '{SEVERAL_EXTERNAL_IDS}'"
        )
        return Ids(found)

    def _only_theirs(self, external: Ids, user: _User) -> Ids:
        """Return those External IDs that nobody else has now."""
        taken = self._column(
            "external_id FROM users",
            among("external_id", external).and_not(user.rows),
            "nami_user_id IS NOT external_id",
        )
        return external.without(Ids(taken))

    def _found(self, user: _User, others: Ids = NO_IDS) -> FoundPerson:
        devices = self._devices_of(user)
        shared = Ids(
            each for each in devices if self._users_on(Ids([each])).without(user)
        )
        return FoundPerson(
            Person(
                user.nami,
                user.external,
                devices.without(shared),
                shared,
                self._user_ids_of(user),
            ),
            others | self._users_on(shared).without(user),
        )

    def _user_ids_of(self, user: _User) -> Ids:
        """Return the ids by which events name the user.

        Where one of them is an id of another kind of somebody else, it belongs to
        whoever is named by it with the present settings.
        """
        if self._sends_nami_ids:
            taken = self._column(
                "nami_user_id FROM users",
                among("nami_user_id", user.external.without(user.nami)),
                "nami_user_id IS NOT external_id",
            )
            return user.nami | user.external.without(Ids(taken))
        taken = self._column(
            "external_id FROM users",
            among("external_id", user.nami.without(user.external)),
        )
        return user.external | user.nami.without(Ids(taken))

    def _devices_of(self, user: _User) -> Ids:
        found = self._column("device_id FROM users", user.rows)
        found |= self._column(f"value FROM users, {_DEVICES_OF_STATE}", user.rows)
        for table, kind, column in (
            ("id_owners", "device", "nami_user_id"),
            ("id_conflicts", DEVICE, "nami_user_id"),
            ("id_conflicts", DEVICE, "other_id"),
        ):
            found |= self._column(
                f"id FROM {table}", among(column, user.nami), f"kind = '{kind}'"
            )
        return Ids(found)

    def _users_on(self, devices: Ids) -> _User:
        """Return the users that were seen on devices."""
        in_state = among("value", devices)
        on_them = any_of(
            among("device_id", devices),
            Condition(
                f"EXISTS (SELECT 1 FROM {_DEVICES_OF_STATE} WHERE {in_state.sql})",  # noqa: S608
                in_state.values,
            ),
        )
        external = self._column(
            "external_id FROM users", on_them, "nami_user_id = external_id"
        )
        nami = self._column(
            "nami_user_id FROM users",
            on_them,
            f"nami_user_id IS NOT external_id AND NOT ({IS_A_DEVICE})",
        )
        for table, kind, column in (
            ("id_owners", "device", "nami_user_id"),
            ("id_conflicts", DEVICE, "nami_user_id"),
            ("id_conflicts", DEVICE, "other_id"),
        ):
            nami |= self._column(
                f"{column} FROM {table}", among("id", devices), f"kind = '{kind}'"
            )
        return _User(Ids(nami), Ids(external))

    def _column(self, what: str, condition: Condition, also: str = "1") -> set[str]:
        """Return the texts in a column of the rows that fulfil two conditions."""
        rows = self._file.rows(
            f"SELECT {what} WHERE ({condition.sql}) AND ({also})",
            *condition.values,
        )
        return {value for (value,) in rows if isinstance(value, str) and value}
