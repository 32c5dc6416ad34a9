"""Caches rows of large tables that are likely to be needed again."""

from __future__ import annotations

from itertools import islice
from typing import Generic, TypeVar

_V = TypeVar("_V")


class RowCache(Generic[_V]):
    """Caches rows by key; when there are too many, the older half is dropped.

    Args:
        most: The most rows to cache.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows: dict[int, _V] = {}

    def add(self, rows: dict[int, _V]) -> None:
        """Add rows."""
        self.rows.update(rows)
        if len(self.rows) > self._most:
            older = len(self.rows) - self._most // 2
            self.rows = dict(islice(self.rows.items(), older, None))

    def clear(self) -> None:
        """Remove all rows."""
        self.rows = {}
