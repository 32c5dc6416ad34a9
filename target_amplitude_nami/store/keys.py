"""Names in the memory's file: short, whatever the text behind them."""

from __future__ import annotations

import typing as t
from hashlib import blake2b

import msgspec

if t.TYPE_CHECKING:
    from collections.abc import Collection

_LONGEST_PLAIN: t.Final = 40
_BYTES: t.Final = 12
_ENDING_DIGITS: t.Final = 8


class Keys:
    """The keys of one kind of names.

    A short and plain name is in its key as it is, since hashes take time: before a `~`,
    which no hash has, and what tells its kind. That has no `~`, so the last one counts.
    """

    def __init__(self, salt: bytes = b"") -> None:
        """Take what tells names of this kind from those of others: up to 16 bytes."""
        self._begun = blake2b(digest_size=_BYTES, salt=salt)
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


def _is_plain(text: str) -> bool:
    """Whether a text is ASCII, and JSON has it as it is, between two quotes."""
    return text.isascii() and len(msgspec.json.encode(text)) == len(text) + 2


def to_bytes(text: str) -> bytes:
    """Return any text as bytes, half a character included."""
    return text.encode("utf-8", "surrogatepass")


def shown(text: str) -> str:
    """Return a text in which nothing is half a character."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode()
