"""What crosses the rooms of the local Amplitude, as small classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import IntEnum, StrEnum
from hashlib import blake2b
from typing import Any, Protocol, TypeAlias

import msgspec

from target_amplitude_nami.local.jsontext import decode

JsonObject: TypeAlias = dict[str, Any]

_object = msgspec.json.Decoder(JsonObject).decode
_numbers = msgspec.json.Decoder(list[int]).decode
_encode = msgspec.json.Encoder().encode


class Request(msgspec.Struct, frozen=True):
    """A request as it came over the wire; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: bytes = b""
    peer: str = "127.0.0.1"
    """The address that it came from."""


class Answer(msgspec.Struct, frozen=True):
    """What Amplitude says to a request: a JSON object, or plain text."""

    status: int
    content: JsonObject | str

    @property
    def body(self) -> bytes:
        """The answer as it goes over the wire."""
        if isinstance(self.content, str):
            return self.content.encode()
        return msgspec.json.encode(self.content)

    @property
    def media_type(self) -> str:
        """The answer's content type."""
        return "text/plain" if isinstance(self.content, str) else "application/json"

    @property
    def error(self) -> str:
        """The text of a refusal."""
        if isinstance(self.content, str):
            return self.content
        return str(self.content.get("error", ""))


class RefusedError(Exception):
    """A request that is answered with 400 or above, and leaves nothing behind."""

    def __init__(self, status: int, error: str, **more: Any) -> None:
        """Take the answer's status, its text and its further keys."""
        super().__init__(error)
        self.answer = Answer(status, {"code": status, "error": error, **more})


class Upload(msgspec.Struct, frozen=True):
    """The content of a request: its events, each beside the bytes it was sent as."""

    api_key: str
    min_id_length: int
    events: list[Any]
    raws: list[bytes]

    @property
    def project(self) -> str:
        """The name under which the key's project is stored, which is not the key."""
        return project_of(self.api_key)


class Kind(IntEnum):
    """What an event type is to Amplitude's charts."""

    IDENTIFY = 0
    """It changes users, and is no event to them."""
    EVENT = 1
    BEYOND = 2
    """It came when the project had all the types it may have: kept, never shown."""


class NameKind(StrEnum):
    """What a name by which a user can be looked up is."""

    USER_ID = "u"
    DEVICE_ID = "d"
    NAMI_ID = "n"


class Profile:
    """The properties of a user, which are read only if an event changes them.

    Args:
        text: The properties as a JSON object.
        sources: As a JSON list, for each of them in turn the number of the event that
            gave it its value.
    """

    __slots__ = ("_origins", "_sources", "_table", "_text")

    def __init__(self, text: bytes = b"{}", sources: bytes = b"[]") -> None:
        self._text: bytes | None = text
        self._sources = sources
        self._table: JsonObject | None = None
        self._origins: dict[str, int] = {}

    def opened(self) -> tuple[JsonObject, dict[str, int]]:
        """Return the properties and the origins, both to be changed as one likes."""
        if self._table is None:
            self._table = _object(self._text or b"{}")
            self._origins = dict(zip(self._table, _numbers(self._sources), strict=True))
        self._text = None
        return self._table, self._origins

    def written(self) -> tuple[bytes, bytes]:
        """Return the properties and their origins as JSON."""
        if self._text is None:
            table = self._table or {}
            self._text = _encode(table)
            self._sources = _encode([self._origins.get(name, 0) for name in table])
        return self._text, self._sources


class User(msgspec.Struct, eq=False):
    """A person, or an anonymous device, as the rules change it and the store keeps it.

    `number` stays the same for life: an anonymous device whose user becomes known is
    that user from then on.
    """

    number: int
    project: str
    user_id: str | None
    device_id: str | None
    """The device that it was first seen on."""
    profile: Profile = msgspec.field(default_factory=Profile)
    fields: JsonObject = {}
    """What the newest events said of device, place, language and app version."""
    active: bool = False
    """Whether it has an event that charts can show."""
    joined: User | None = None
    """The user that it turned out to be, who had been known before."""

    @property
    def current(self) -> User:
        """The user that this one is by now."""
        return self if self.joined is None else self.joined.current


class Changes(msgspec.Struct, frozen=True, array_like=True):
    """What an event changed of its user's properties.

    What they were changed to stands in the properties that the event shows.
    """

    new: list[str]
    """Those that had not been there."""
    before: dict[str, Any]
    """What the others had been."""


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
    """As JSON what its export has from elsewhere: above all the user's properties."""
    changes: bytes | None = None
    """`Changes` as JSON, if there are any."""


NewName: TypeAlias = tuple[User, NameKind, str]
"""A name by which a user can be looked up from now on."""


class Effects(msgspec.Struct, frozen=True):
    """All that an accepted request changes, to be stored as one whole."""

    events: list[NewEvent] = []
    duplicates: int = 0
    fingerprints: list[int] = []
    users: list[User] = []
    """Those that are new or changed."""
    owners: dict[int, User] = {}
    """Whose the ids of these fingerprints are from now on."""
    names: list[NewName] = []
    joins: list[User] = []
    """Anonymous devices whose events are now those of a user known before."""
    active: int = 0
    """How many more users have an event that charts can show."""


class Outcome(msgspec.Struct, frozen=True):
    """The answer to a request, its effects, and what is worth noting about it."""

    answer: Answer
    effects: Effects
    payload: bytes
    """The body, decompressed where that was possible."""
    events: int
    """How many events the body held, as far as it could be read."""


class Memory(Protocol):
    """What the rules need to know of the requests before."""

    def seen(self, fingerprints: Collection[int], since: float) -> set[int]:
        """Return those of the fingerprints that were stored at or after `since`."""

    def owners(self, ids: Collection[int]) -> dict[int, User]:
        """Return whose these ids (as fingerprints) are; one object for each user."""

    def kinds(self, project: str) -> Mapping[str, Kind]:
        """Return the event types that a project has."""

    def next_event(self) -> int:
        """Return a number for a new event, higher than all before."""

    def next_user(self) -> int:
        """Return a number for a new user, higher than all before."""


class LoggedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the request log."""

    number: int
    time: float
    api: str
    """The API's name; for other paths, the path."""
    status: int
    """The answer's status; 0 if a fault took the connection before any answer."""
    events: int
    duplicates: int
    payload_bytes: int
    """Length of the decompressed body."""
    wire_bytes: int
    milliseconds: float
    """From its last byte until it was stored."""
    answer: bytes
    fault: str = ""
    """The scripted fault that struck, if one did."""
    error: str = ""
    """The text of a refusal."""
    body: bytes | None = None
    """The decompressed body, if it was kept."""


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as Amplitude's Export API would give it, and as it was sent."""

    export: JsonObject
    raw: bytes
    project: str

    @property
    def sent(self) -> JsonObject:
        """The event as its sender wrote it."""
        document: JsonObject = decode(self.raw)
        return document


class Summary(msgspec.Struct, frozen=True):
    """What a local Amplitude holds."""

    events: dict[str, int]
    """Events per event type."""
    identifies: int
    """`$identify` and `$groupidentify`, which are no events to Amplitude."""
    users: int
    """User ids, and devices without one that no user ever logged in on."""
    duplicates: int
    requests: int
    refused: int
    """Requests answered with 400 or above, or not at all."""
    beyond: int = 0
    """Events of types that the project has no room for: kept, but in no chart."""

    @property
    def total(self) -> int:
        """All events of all types."""
        return sum(self.events.values())


def project_of(api_key: str) -> str:
    """Return the name under which the store keeps what came with this key."""
    return blake2b(api_key.encode("utf-8", "replace"), digest_size=6).hexdigest()
