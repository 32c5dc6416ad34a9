"""Names in the memory's file: short, plain ASCII, whatever the text behind them."""

from __future__ import annotations

import hashlib
import typing as t

_BYTES: t.Final = 12
_MINUTE_MS: t.Final = 60_000
_MINUTE_DIGITS: t.Final = 8
_MINUTES: t.Final = 0xFFFF_FFFF


class Keys:
    """The keys of one kind of names."""

    def __init__(self, salt: bytes = b"") -> None:
        """Take what tells names of this kind from those of others: up to 16 bytes."""
        self._begun = hashlib.blake2b(digest_size=_BYTES, salt=salt)

    def of(self, name: str) -> str:
        """Return 96 bits of a name's hash: as good as the name."""
        hashed = self._begun.copy()
        hashed.update(name.encode("utf-8", "surrogatepass"))
        return hashed.hexdigest()

    def of_mark(self, mark: str) -> str:
        """Return the key of a mark: those of one minute stand together."""
        return mark[:_MINUTE_DIGITS] + self.of(mark[_MINUTE_DIGITS:])


def mark_of(insert_id: str, time: int | None) -> str:
    """Return what an event is remembered by: its minute, and its insert id.

    What is delivered now happened at about the same time, and what comes again has its
    time again, so that few places of a large file are looked at. Not every tap tells
    the seconds, or their fractions.

    Args:
        insert_id: The event's.
        time: When it happened, ms; None for what has no time.
    """
    minute = 0 if time is None else time // _MINUTE_MS
    return f"{minute & _MINUTES:08x}{insert_id}"


def insert_id_of(mark: str) -> str:
    """Return the insert id of a marked event."""
    return mark[_MINUTE_DIGITS:]


def to_bytes(text: str) -> bytes:
    """Return any text as bytes, half a character included."""
    return text.encode("utf-8", "surrogatepass")


def shown(text: str) -> str:
    """Return a text in which nothing is half a character."""
    return text.encode("utf-8", "replace").decode()
