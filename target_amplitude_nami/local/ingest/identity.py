"""Who an event is about, and what makes it the same event as an earlier one."""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from target_amplitude_nami.local.ingest import limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.local.model import JsonObject, NameKind


class Ids(NamedTuple):
    """The ids that an event names, as text."""

    user_id: str | None
    device_id: str | None


def ids_of(event: JsonObject) -> Ids:
    """Return the ids of an event that passed the checks."""
    return Ids(_text(event.get("user_id")), _text(event.get("device_id")))


def _text(value: object) -> str | None:
    """Return an id as text; leading spaces do not count, a whole number is an id."""
    if value is None:
        return None
    return str(value).lstrip()[: limits.MAX_TEXT]


def device_of(user_id: str) -> str:
    """Return the device id of an event that has only a user id.

    A hash of the user id (HTTP V2 API, `device_id`); which one is not documented.
    """
    return blake2b(user_id.encode(), digest_size=16).hexdigest()


class Fingerprinter:
    """Makes short forms of what a project's events are known by: of ids, and of copies.

    64 bits, as many as SQLite's fastest key has: among a million of them, two different
    things share one with a probability of one in thirty-six million.
    """

    def __init__(self, project: str) -> None:
        self._start = blake2b(f"{project}\0".encode(), digest_size=8)

    def of_ids(self, kind: NameKind, names: Iterable[str]) -> dict[str, int]:
        """Return the short forms of user ids or device ids."""
        names, start = list(names), kind + "\0"
        marks = self._of([start + name for name in names])
        return dict(zip(names, marks, strict=True))

    def of_copies(self, events: Iterable[tuple[str, tuple[object, ...]]]) -> list[int]:
        """Return what all copies of an event share (HTTP V2 API, Event deduplication).

        Copies come from one device and have the same parts, above all an insert id.
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
