"""Names in the memory's file: short, plain ASCII, whatever the text behind them."""

from __future__ import annotations

import functools
import hashlib
import typing as t

import msgspec

if t.TYPE_CHECKING:
    from collections.abc import Collection

Mark = t.NewType("Mark", str)
"""What an event is remembered by: see `mark_of`."""

_LONGEST_PLAIN: t.Final = 40
_BYTES: t.Final = 12
_ENDING_DIGITS: t.Final = 8
_DAY_MS: t.Final = 86_400_000
_DAY_DIGITS: t.Final = 4
_DAYS: t.Final = 0xFFFF


class Keys:
    """The keys of one kind of names.

    A short and plain name is in its key as it is, since hashes take time: before a `~`,
    which no hash has, and what tells its kind. That has no `~`, so the last one counts.
    """

    def __init__(self, salt: bytes = b"", *, kept: int = 0) -> None:
        """Begin a kind of names.

        Args:
            salt: What tells names of this kind from those of others: up to 16 bytes.
            kept: How many characters begin a name's key in any case; they are plain.
        """
        self._begun = hashlib.blake2b(digest_size=_BYTES, salt=salt)
        self._ending = f"~{self._begun.hexdigest()[:_ENDING_DIGITS]}"
        self._kept = kept

    def of(self, name: str) -> str:
        """Return a name's key; of any other than a short and plain one, a hash."""
        if len(name) <= _LONGEST_PLAIN and _is_plain(name):
            return name + self._ending
        hashed = self._begun.copy()
        hashed.update(to_bytes(name[self._kept :]))
        return name[: self._kept] + hashed.hexdigest()

    def of_all(self, names: Collection[str]) -> list[str]:
        """Return the keys of names in their order; quick where all are plain."""
        is_any_long = max(map(len, names), default=0) > _LONGEST_PLAIN
        if is_any_long or not _is_plain("".join(names)):
            return [self.of(name) for name in names]
        return [name + self._ending for name in names]


class MarkKeys(Keys):
    """The keys of marks: those of one day stand together."""

    def __init__(self, salt: bytes) -> None:
        """Take what tells marks of this kind from those of others: up to 16 bytes."""
        super().__init__(salt, kept=_DAY_DIGITS)

    def around(self, marks: Collection[Mark]) -> dict[str, Mark]:
        """Return marks by their keys for the day, the day before, and the day after.

        Another tap may round the time, or not know its zone.
        """
        return {
            day + key[_DAY_DIGITS:]: mark
            for mark, key in zip(marks, self.of_all(marks), strict=True)
            for day in _days_around(mark[:_DAY_DIGITS])
        }


def _is_plain(text: str) -> bool:
    """Whether a text is ASCII, and JSON has it as it is, between two quotes."""
    return text.isascii() and len(msgspec.json.encode(text)) == len(text) + 2


@functools.lru_cache(maxsize=1_000)
def _days_around(day: str) -> tuple[str, str, str]:
    before, after = int(day, 16) - 1, int(day, 16) + 1
    return _digits(before), day, _digits(after)


@functools.lru_cache(maxsize=1_000)
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
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()
