"""Names in the memory's file: short, plain ASCII, whatever the text behind them."""

from __future__ import annotations

import functools
import hashlib
import typing as t

Mark = t.NewType("Mark", str)
"""What an event is remembered by: see `mark_of`."""

_BYTES: t.Final = 12
_DAY_MS: t.Final = 86_400_000
_DAY_DIGITS: t.Final = 4
_DAYS: t.Final = 0xFFFF


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

    def of_mark(self, mark: Mark) -> str:
        """Return the key of a mark: those of one day stand together."""
        return mark[:_DAY_DIGITS] + self.of(mark[_DAY_DIGITS:])

    def around_mark(self, mark: Mark) -> list[str]:
        """Return the keys of a mark for its day, the day before, and the day after.

        Another tap may round the time, or not know its zone.
        """
        name = self.of(mark[_DAY_DIGITS:])
        return [near + name for near in _days_around(mark[:_DAY_DIGITS])]


@functools.lru_cache(maxsize=1_000)
def _days_around(day: str) -> tuple[str, str, str]:
    before, after = int(day, 16) - 1, int(day, 16) + 1
    return _digits(before), day, _digits(after)


def _digits(day: int) -> str:
    return f"{day & _DAYS:04x}"


def mark_of(insert_id: str, time: int | None) -> Mark:
    """Return what an event is remembered by: the day it happened on, and its insert id.

    What is delivered now happened at about the same time, and what comes again has its
    time again, so that few places of a large file are looked at.

    Args:
        insert_id: The event's.
        time: When it happened, ms; None for what has no time.
    """
    day = 0 if time is None else time // _DAY_MS
    return Mark(_digits(day) + insert_id)


def insert_id_of(mark: Mark) -> str:
    """Return the insert id of a marked event."""
    return mark[_DAY_DIGITS:]


def to_bytes(text: str) -> bytes:
    """Return any text as bytes, half a character included."""
    return text.encode("utf-8", "surrogatepass")


def shown(text: str) -> str:
    """Return a text in which nothing is half a character."""
    return text.encode("utf-8", "replace").decode()
