"""Defines what goes into the store and comes out of it."""

from __future__ import annotations

import typing as t

import msgspec

EXTERNAL_ID: t.Final = "external_id_of_several_users"
DEVICE: t.Final = "device_of_several_users"
SEVERAL_EXTERNAL_IDS: t.Final = "user_with_several_external_ids"


class Held(msgspec.Struct, frozen=True):
    """A record that waits for its user's External ID."""

    number: int
    stream: str
    line: bytes
    """The RECORD message as it was read."""
    record: bytes
    """What was understood of it."""


class RejectPlace(msgspec.Struct, frozen=True):
    """Where in the rejects file a record was written, and how to know it again."""

    at: int
    length: int
    """Bytes of its line, without the end of it."""
    digest: bytes


class IdConflict(msgspec.Struct, frozen=True):
    """Ids that do not fit together: `value` belongs to one user and to another."""

    kind: str
    value: str
    nami_user_id: str
    other: str
    """The Nami user, or the External ID, that was seen first."""


class ConflictKey(t.NamedTuple):
    """An External ID or a device that was seen with a Nami user."""

    kind: str
    value: str
    user_id: str


class StoreFigures(msgspec.Struct, frozen=True):
    """The store's figures in the report."""

    waiting: int = 0
    """How many records are held."""
    waiting_since: int | None = None
    """When the oldest of them was put there, s since 1970."""
    id_conflicts: dict[str, int] = {}
    """How many there are of each kind."""
    named_id_conflicts: list[IdConflict] = []
    """Some of each kind."""
