"""Defines what an accepted request changes: events, users and their properties."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import msgspec

from target_amplitude_nami.local.model import Answer, JsonObject

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_object = msgspec.json.Decoder(JsonObject).decode
_numbers = msgspec.json.Decoder(list[int]).decode
_encode = msgspec.json.Encoder().encode


class Kind(IntEnum):
    """How Amplitude's charts treat an event type."""

    IDENTIFY = 0
    """It changes users and is not shown as an event."""
    EVENT = 1
    BEYOND = 2
    """It exceeds the number of types of a project: stored, but never shown."""


class NameKind(StrEnum):
    """The kind of a name by which a user can be looked up."""

    USER_ID = "u"
    DEVICE_ID = "d"
    NAMI_ID = "n"


class Profile:
    """The properties of a user, decoded only when an event changes them.

    Args:
        text: The properties as a JSON object.
        sources: As a JSON list, for each property in turn the number of the event that
            set it.
    """

    __slots__ = ("_origins", "_sources", "_table", "_text")

    def __init__(self, text: bytes = b"{}", sources: bytes = b"[]") -> None:
        self._text: bytes | None = text
        self._sources = sources
        self._table: JsonObject | None = None
        self._origins: dict[str, int] = {}

    def mutable(self) -> tuple[JsonObject, dict[str, int]]:
        """Return the properties and their origins; the caller may change both."""
        if self._table is None:
            self._table = _object(self._text or b"{}")
            self._origins = dict(zip(self._table, _numbers(self._sources), strict=True))
        self._text = None
        return self._table, self._origins

    @property
    def decoded(self) -> JsonObject | None:
        """The properties, if an event has changed them since they were read."""
        return self._table

    def encoded(self) -> tuple[bytes, bytes]:
        """Return the properties and their origins as JSON."""
        if self._text is None:
            table = self._table or {}
            self._text = _encode(table)
            self._sources = _encode([self._origins.get(name, 0) for name in table])
        return self._text, self._sources


class User(msgspec.Struct, eq=False):
    """A person or an anonymous device, as ingestion changes and the store keeps it.

    `number` never changes: an anonymous device whose user becomes known is that user
    from then on.
    """

    number: int
    project: str
    user_id: str | None
    device_id: str | None
    """The device that it was first seen on."""
    profile: Profile = msgspec.field(default_factory=Profile)
    fields: JsonObject = {}
    """The last known device, location, language and app version."""
    active: bool = False
    """Whether it has an event that charts can show."""
    joined: User | None = None
    """The user known before that this one was merged into."""

    @property
    def name(self) -> str:
        """What lists call it: its user id, or the device that it was first seen on."""
        return self.user_id or self.device_id or ""

    @property
    def current(self) -> User:
        """The user that this one was merged into; itself if it was not."""
        return self if self.joined is None else self.joined.current


class Changes(msgspec.Struct, frozen=True, array_like=True):
    """What an event changed in its user's properties.

    The new values are in the properties that the event shows.
    """

    new: list[str]
    """Names of the properties that it added."""
    before: dict[str, Any]
    """The previous values of the others."""


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An accepted event on its way into the store."""

    number: int
    project: str
    event_type: str
    kind: Kind
    user: User
    time: int
    raw: bytes
    overlay: bytes
    """The part of its export that is not in `raw`, as JSON: mainly user properties."""
    changes: bytes | None = None
    """`Changes` as JSON, if there are any."""
    sent: JsonObject = {}
    """The event, decoded."""


NewName: TypeAlias = tuple[User, NameKind, str]
"""A name by which a user can be looked up from now on."""


class Sharing(msgspec.Struct, frozen=True):
    """A device that passed from one user to another."""

    fingerprint: int
    before: User
    now: User


class Effects(msgspec.Struct, frozen=True):
    """Everything that an accepted request changes, stored in one transaction."""

    events: list[NewEvent] = []
    duplicates: int = 0
    fingerprints: list[int] = []
    users: list[User] = []
    """Those that are new or changed."""
    owners: dict[int, User] = {}
    """The users of ids from now on, by the ids' fingerprints."""
    names: list[NewName] = []
    joins: list[User] = []
    """Anonymous devices that were merged into a user known before."""
    sharings: list[Sharing] = []
    nami_users: list[tuple[User, str]] = []
    """Users, each with a Nami user id that an event has set."""
    active: int = 0
    """How many more users have an event that charts can show."""


class Outcome(msgspec.Struct, frozen=True):
    """The result of ingestion: an answer, its effects, and facts for the log."""

    answer: Answer
    effects: Effects
    payload: bytes
    """The body, decompressed where possible."""
    events: int
    """How many events the body contains, as far as it can be read."""


class Memory(Protocol):
    """What ingestion needs to know of earlier requests."""

    def seen(self, fingerprints: Collection[int], since: float) -> set[int]:
        """Return those of the fingerprints that were stored at or after `since`."""

    def owners(self, ids: Collection[int]) -> dict[int, User]:
        """Return the users of these ids, by fingerprint; one object for each user."""

    def kinds(self, project: str) -> Mapping[str, Kind]:
        """Return the event types that a project has."""

    def next_event(self) -> int:
        """Return a number for a new event, higher than all before."""

    def next_user(self) -> int:
        """Return a number for a new user, higher than all before."""
