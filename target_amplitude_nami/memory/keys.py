"""Names in the memory's file: short, whatever the text behind them."""

from __future__ import annotations

import functools
import hashlib
import typing as t

import msgspec

if t.TYPE_CHECKING:
    from collections.abc import Collection

Mark = t.NewType("Mark", str)
"""What an event is remembered by: see `mark_of`."""

MARK_KEY_BYTES: t.Final = 18
KEYS_AROUND_A_MARK: t.Final = 3

_LONGEST_PLAIN: t.Final = 40
_BYTES: t.Final = 12
_ENDING_DIGITS: t.Final = 8
_DAY_MS: t.Final = 86_400_000
_DAY_DIGITS: t.Final = 4
_DAYS: t.Final = 0xFFFF
_DAY_BYTES: t.Final = 2
_UUID_BYTES: t.Final = 16
_UUID_MARK: t.Final = _DAY_DIGITS + 36
_UUID_DASHES: t.Final = tuple(_DAY_DIGITS + place for place in (8, 13, 18, 23))


class Keys:
    """The keys of one kind of names.

    A short and plain name is in its key as it is, since hashes take time: before a `~`,
    which no hash has, and what tells its kind. That has no `~`, so the last one counts.
    """

    def __init__(self, salt: bytes = b"") -> None:
        """Take what tells names of this kind from those of others: up to 16 bytes."""
        self._begun = hashlib.blake2b(digest_size=_BYTES, salt=salt)
        self._ending = f"~{self._begun.hexdigest()[:_ENDING_DIGITS]}"

    def of(self, name: str) -> str:
        """Return a name's key; of any other than a short and plain one, a hash."""
        if len(name) <= _LONGEST_PLAIN and _is_plain(name):
            return name + self._ending
        hashed = self._begun.copy()
        hashed.update(to_bytes(name))
        return hashed.hexdigest()

    def of_all(self, names: Collection[str]) -> list[str]:
        """Return the keys of names in their order; quick where all are plain."""
        is_any_long = max(map(len, names), default=0) > _LONGEST_PLAIN
        if is_any_long or not _is_plain("".join(names)):
            return [self.of(name) for name in names]
        return [name + self._ending for name in names]


def mark_keys(marks: Collection[Mark]) -> bytes:
    """Return the keys of marks in one piece: the day's bytes and those of the UUID.

    What is no UUID has 128 bits of a hash in its place, which are as good as the id.
    """
    packed = _packed_uuids(marks)
    if packed is not None:
        return packed
    return b"".join([_packed_uuids([mark]) or _mark_hash(mark) for mark in marks])


def mark_keys_around(marks: Collection[Mark]) -> bytes:
    """Return, for each mark, its keys for the day before, the day, and the day after.

    Another tap may round the time, or not know its zone.
    """
    keys = mark_keys(marks)
    return b"".join(
        [
            day + keys[start + _DAY_BYTES : start + MARK_KEY_BYTES]
            for mark, start in zip(
                marks, range(0, len(keys), MARK_KEY_BYTES), strict=True
            )
            for day in _days_around(mark[:_DAY_DIGITS])
        ]
    )


def _packed_uuids(marks: Collection[Mark]) -> bytes | None:
    """Return marks as bytes, where all are of UUIDs and can be told from the bytes."""
    text, count = "".join(marks), len(marks)
    if {*map(len, marks)} != {_UUID_MARK} or any(
        text[place::_UUID_MARK] != "-" * count for place in _UUID_DASHES
    ):
        return None
    digits = text.replace("-", "")
    try:
        packed = bytes.fromhex(digits)
    except ValueError:
        return None
    is_whole = len(packed) == count * MARK_KEY_BYTES and packed.hex() == digits
    return packed if is_whole else None


def _mark_hash(mark: Mark) -> bytes:
    hashed = hashlib.blake2b(to_bytes(insert_id_of(mark)), digest_size=_UUID_BYTES)
    return bytes.fromhex(mark[:_DAY_DIGITS]) + hashed.digest()


def _is_plain(text: str) -> bool:
    """Whether a text is ASCII, and JSON has it as it is, between two quotes."""
    return text.isascii() and len(msgspec.json.encode(text)) == len(text) + 2


@functools.lru_cache(maxsize=1_000)
def _days_around(day: str) -> list[bytes]:
    number = int(day, 16)
    return [bytes.fromhex(_digits(near)) for near in range(number - 1, number + 2)]


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
