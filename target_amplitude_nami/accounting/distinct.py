"""Counts how many different texts there are, in memory that stays flat."""

from __future__ import annotations

import typing as t
from hashlib import blake2b

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MOST_KEPT: t.Final = 1 << 15
"""So many are counted one by one; of more, one in two (four, ...) is. That errs by
about one in a hundred."""


class Distinct:
    """Counts different texts: exactly while they are few, and then nearly so.

    Of many it keeps those whose hash ends in some number of zero bits ("adaptive
    sampling", P. Flajolet, 1990).
    """

    def __init__(
        self, most_kept: int = MOST_KEPT, hash_of: Callable[[str], int] = hash
    ) -> None:
        """Start with none.

        Args:
            most_kept: How many hashes to keep.
            hash_of: Returns a text's hash. Python's own differs from process to
                process; see `stable_hash`.
        """
        self._most_kept = most_kept
        self._hash_of = hash_of
        self._kept: set[int] = set()
        self._mask = 0

    @property
    def is_exact(self) -> bool:
        """Whether all of them were counted."""
        return not self._mask

    @property
    def count(self) -> int:
        """How many there are, or about so many."""
        return len(self._kept) * (self._mask + 1)

    def add(self, texts: Iterable[str]) -> None:
        """Add texts, those that were there before among them."""
        self._add_hashes(map(self._hash_of, texts), self._mask)

    def __add__(self, other: Distinct) -> Distinct:
        """Return the texts of both; their hashes must be of one kind."""
        both = Distinct(min(self._most_kept, other._most_kept), self._hash_of)
        both._kept = set(self._kept)
        both._add_hashes(other._kept, self._mask | other._mask)
        return both

    def _add_hashes(self, hashes: Iterable[int], mask: int) -> None:
        kept = self._kept
        if mask:
            if mask != self._mask:
                kept = {h for h in kept if not h & mask}
            kept.update([h for h in hashes if not h & mask])
        else:
            kept.update(hashes)
        while len(kept) > self._most_kept:
            mask = mask << 1 | 1
            kept = {h for h in kept if not h & mask}
        self._kept, self._mask = kept, mask


def stable_hash(text: str) -> int:
    """Return a hash of a text that is the same in every process: 64 bits."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
