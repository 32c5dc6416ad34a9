"""A person by all their ids, and whether a record or an event is theirs."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UUID: t.Final = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", re.ASCII
)


def is_uuid(text: str) -> bool:
    """Return whether an id is a UUID, which is the same id in any case.

    Source: RFC 9562, "UUID Format".
    """
    return _UUID.fullmatch(text) is not None


class Ids:
    """Ids of one kind, each as it was spelt; a UUID is found in any case."""

    def __init__(self, spelt: Iterable[str] = ()) -> None:
        """Take the ids; empty ones are none."""
        self._spelt = tuple(sorted({each for each in spelt if each}))
        self.uuids: t.Final = frozenset(
            each.lower() for each in self._spelt if is_uuid(each)
        )
        """Those that are UUIDs, in lower case."""
        self.others: t.Final = frozenset(
            each for each in self._spelt if not is_uuid(each)
        )

    def __contains__(self, value: object) -> bool:
        """Return whether a value is one of the ids."""
        if not isinstance(value, str):
            return False
        return value in self.others or (
            bool(self.uuids) and value.lower() in self.uuids
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._spelt)

    def __len__(self) -> int:
        return len(self._spelt)

    def __eq__(self, other: object) -> bool:
        """Return whether others are the same ids, spelt the same."""
        return isinstance(other, Ids) and self._spelt == other._spelt

    def __hash__(self) -> int:
        return hash(self._spelt)

    def __repr__(self) -> str:
        return f"Ids({list(self._spelt)})"

    def __or__(self, more: Iterable[str]) -> Ids:
        return Ids([*self, *more])

    def without(self, fewer: Ids) -> Ids:
        """Return the ids that are not among others."""
        return Ids(each for each in self if each not in fewer)


NO_IDS: t.Final = Ids()


@dataclass(frozen=True, slots=True)
class Person:
    """The ids that belong to one person, as far as they are known."""

    nami_user_ids: Ids = NO_IDS
    external_ids: Ids = NO_IDS
    device_ids: Ids = NO_IDS
    """The devices that nobody else is known to use."""
    shared_device_ids: Ids = NO_IDS
    """The devices that somebody else uses as well: what is known by such a device alone
    may be the other's."""
    user_ids: Ids = NO_IDS
    """The ids that are theirs where an event names its user in Amplitude."""

    @property
    def is_device_alone(self) -> bool:
        """Whether nothing but devices is known of the person."""
        return not self.nami_user_ids and not self.external_ids

    @property
    def ids(self) -> Ids:
        """All ids that are theirs alone."""
        return Ids([*self.nami_user_ids, *self.external_ids, *self.device_ids])

    def has_record(
        self,
        *,
        nami_user_id: str | None,
        external_id: str | None,
        device_ids: Iterable[str],
    ) -> bool:
        """Return whether a record of Nami's with these ids is theirs.

        A device counts where the record names no user: people share devices.
        """
        if nami_user_id in self.nami_user_ids or external_id in self.external_ids:
            return True
        if nami_user_id is not None or external_id is not None:
            return False
        return any(each in self.device_ids for each in device_ids)

    def has_event(
        self,
        *,
        user_id: str | None,
        device_ids: Iterable[str],
        nami_user_id: str | None,
    ) -> bool:
        """Return whether an event for Amplitude with these ids is theirs.

        Args:
            user_id: The event's user.
            device_ids: Its device, and those among its user properties.
            nami_user_id: The Nami user id among its user properties.
        """
        if user_id in self.user_ids or nami_user_id in self.nami_user_ids:
            return True
        if user_id is not None or nami_user_id is not None:
            return False
        return any(each in self.device_ids for each in device_ids)
