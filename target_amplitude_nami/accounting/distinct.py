"""Counts how many different texts there are, in memory that stays flat."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable

MOST_KEPT: t.Final = 1 << 15
"""So many are counted one by one; of more, one in two (four, ...) is. That errs by
about one in a hundred."""


class Distinct:
    """Counts different texts: exactly while they are few, and then nearly so.

    Of many it keeps those whose hash ends in some number of zero bits ("adaptive
    sampling", P. Flajolet, 1990).
    """

    def __init__(self, most_kept: int = MOST_KEPT) -> None:
        """Start with none.

        Args:
            most_kept: How many hashes to keep.
        """
        self._most_kept = most_kept
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
        mask = self._mask
        kept = self._kept
        if mask:
            kept.update([h for h in map(hash, texts) if not h & mask])
        else:
            kept.update(map(hash, texts))
        while len(kept) > self._most_kept:
            mask = mask << 1 | 1
            kept = {h for h in kept if not h & mask}
        self._kept, self._mask = kept, mask
