"""Reads the ids of events, and makes fingerprints of ids and of events."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from target_amplitude_nami.local.ingest import limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.local.ingest.effects import NameKind
    from target_amplitude_nami.local.model import JsonObject


class Ids(NamedTuple):
    """The user id and the device id of an event, as text."""

    user_id: str | None
    device_id: str | None


def ids_of(event: JsonObject) -> Ids:
    """Return the ids of a valid event."""
    return Ids(_text(event.get("user_id")), _text(event.get("device_id")))


def _text(value: object) -> str | None:
    """Return an id as text; leading spaces are dropped, integers are allowed."""
    if value is None:
        return None
    return str(value).lstrip()[: limits.MAX_TEXT]


def device_of(user_id: str) -> str:
    """Return the device id of an event that only has a user id.

    A hash of the user id (HTTP V2 API, `device_id`); which one is not documented.
    """
    return blake2b(user_id.encode(), digest_size=16).hexdigest()


class Fingerprinter:
    """Makes 64-bit fingerprints of the ids and of the events of a project.

    As many bits as SQLite's fastest key has: the probability that two of a million
    fingerprints collide is one in thirty-six million.
    """

    def __init__(self, project: str) -> None:
        self._start = blake2b(f"{project}\0".encode(), digest_size=8)

    def of_ids(self, kind: NameKind, names: Iterable[str]) -> dict[str, int]:
        """Return the fingerprints of user ids or of device ids."""
        names, start = list(names), kind + "\0"
        marks = self._of([start + name for name in names])
        return dict(zip(names, marks, strict=True))

    def of_events(self, events: Iterable[tuple[str, tuple[object, ...]]]) -> list[int]:
        """Return the fingerprints of events, which are equal for duplicates.

        Duplicates have the same device and the same parts, usually an insert id
        (HTTP V2 API, Event deduplication).
        """
        return self._of(
            ["\0".join(("copy", device_id, *map(str, p))) for device_id, p in events],
        )

    def _of(self, texts: list[str]) -> list[int]:
        digests = []
        for text in texts:
            digest = self._start.copy()
            digest.update(text.encode())
            digests.append(digest.digest())
        return list(struct.unpack(f">{len(texts)}q", b"".join(digests)))
