"""Who an event is about, and what makes it the same event as an earlier one."""

from __future__ import annotations

from hashlib import blake2b
from typing import NamedTuple

from target_amplitude_nami.local import limits
from target_amplitude_nami.local.model import JsonObject, UserKey


class Ids(NamedTuple):
    """The ids that an event names, as text."""

    user_id: str | None
    device_id: str | None


def ids_of(event: JsonObject) -> Ids:
    """Return the ids of an event that passed the checks."""
    return Ids(_text(event.get("user_id")), _text(event.get("device_id")))


def _text(value: object) -> str | None:
    """Return an id as text; leading spaces do not count, a whole number is an id."""
    return None if value is None else str(value).lstrip()[: limits.MAX_TEXT]


def device_of(user_id: str) -> str:
    """Return the device id of an event that has only a user id.

    A hash of the user id (HTTP V2 API, `device_id`); which one is not documented.
    """
    return blake2b(user_id.encode(), digest_size=16).hexdigest()


def user_key(project: str, user_id: str | None, device_id: str) -> UserKey:
    """Return whose properties an event changes: the user's, or the lone device's."""
    if user_id is None:
        return UserKey(project, None, device_id)
    return UserKey(project, user_id, None)


def fingerprint(project: str, device_id: str, *parts: object) -> int:
    """Return what two copies of one event share (HTTP V2 API, Event deduplication).

    64 bits, as many as SQLite's fastest key has: among a million events, two different
    ones share a fingerprint with a probability of one in thirty-six million.
    """
    text = "\0".join((project, device_id, *map(str, parts)))
    digest = blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
