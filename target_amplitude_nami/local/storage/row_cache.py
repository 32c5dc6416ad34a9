"""Rows of large tables, kept at hand since they are likely to be asked for again."""

from __future__ import annotations

from itertools import islice
from typing import Generic, TypeVar

_V = TypeVar("_V")


class RowCache(Generic[_V]):
    """Rows by their keys; when they become too many, the older half is let go of.

    Args:
        most: How many there may be.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows: dict[int, _V] = {}

    def add(self, rows: dict[int, _V]) -> None:
        """Keep these rows, too."""
        self.rows.update(rows)
        if len(self.rows) > self._most:
            older = len(self.rows) - self._most // 2
            self.rows = dict(islice(self.rows.items(), older, None))

    def clear(self) -> None:
        """Let go of all."""
        self.rows = {}
