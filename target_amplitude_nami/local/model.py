"""What crosses the rooms of the local Amplitude, as small frozen classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol, TypeAlias

import msgspec

from target_amplitude_nami.local import limits
from target_amplitude_nami.local.jsontext import decode

JsonObject: TypeAlias = dict[str, Any]


class Request(msgspec.Struct, frozen=True):
    """A request as it came over the wire; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Answer(msgspec.Struct, frozen=True):
    """What Amplitude says to a request."""

    status: int
    document: JsonObject

    @property
    def body(self) -> bytes:
        """The answer as it goes over the wire."""
        return msgspec.json.encode(self.document)


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


class UserKey(NamedTuple):
    """Who a user table row is about: a user id, or an anonymous device."""

    project: str
    user_id: str | None
    device_id: str | None


class User(msgspec.Struct):
    """What is known of a user; the rules change it, the store keeps it."""

    properties: JsonObject
    hour: float
    """When the hour began in which the updates are counted."""
    updates: int


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An accepted event on its way into the store."""

    project: str
    event_type: str
    user_id: str | None
    device_id: str
    insert_id: str | None
    time: int
    uploaded: int
    listed: bool
    """Whether it is an event to Amplitude's charts, which `$identify` is not."""
    export: str
    raw: bytes


class Effects(msgspec.Struct, frozen=True):
    """All that an accepted request changes, to be stored as one whole."""

    events: list[NewEvent] = []
    duplicates: int = 0
    fingerprints: list[int] = []
    users: dict[UserKey, User] = {}


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

    def users(self, keys: Collection[UserKey]) -> dict[UserKey, User]:
        """Return those of the users that are known, each as an object of its own."""


class LoggedRequest(msgspec.Struct, frozen=True):
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
    answer: bytes
    fault: str = ""
    """The scripted fault that struck, if one did."""
    body: bytes | None = None
    """The decompressed body, if bodies are kept."""


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
    duplicates: int
    requests: int
    refused: int
    """Requests answered with 400 or above, or not at all."""

    @property
    def total(self) -> int:
        """All events of all types."""
        return sum(self.events.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What the documentation leaves open, each with the likeliest or strictest way.

    The defaults of `index_mode` and `max_bytes` are those of the API that is used.
    """

    index_mode: limits.IndexMode | None = None
    maps_together: bool = False
    """One refusal lists the missing, the invalid and the short, not the first kind."""
    name_forbidden_ids: bool = False
    """A refusal for a forbidden id says which events it minds."""
    max_bytes: int | None = None
    silenced_devices: frozenset[str] = frozenset()
    throttling: bool = True
    count_refused: bool = False
    """Events of a throttled request fill the window all the same."""
    spammy_ids: frozenset[str] = frozenset()
    """Ids to which the daily quota applies."""
    starter_plan: bool = False
    dedupe_without_insert_id: bool = False
    user_updates_per_hour: int = limits.USER_UPDATES_PER_HOUR


def project_of(api_key: str) -> str:
    """Return the name under which the store keeps what came with this key."""
    return blake2b(api_key.encode("utf-8", "replace"), digest_size=6).hexdigest()
