"""Recognises rows that were deleted at their source, by the columns that mark them.

Log-based taps and the loaders of warehouses go on giving a deleted row, whole or as its
keys alone, with one column more: when it was deleted, or that it was.
"""

from __future__ import annotations

import functools
import typing as t

from target_amplitude_nami.nami import values

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MARKS: t.Final = frozenset(
    {"_sdc_deleted_at", "_fivetran_deleted", "_ab_cdc_deleted_at", "__deleted"}
)
"""In lower case; taps and warehouses write them in any."""
_ROW: t.Final = "_airbyte_data"
"""Holds the whole row, its mark among the columns, in Airbyte's raw tables."""

_NOT_DELETED: t.Final = frozenset(
    {"false", "f", "0", "0.0", "no", "n", "off", "none", "null", "(null)", "<na>"}
    | {"", "\\n", "nan", "nat"}
)
_NO_DATE: t.Final = "0000-00-00"
"""How MySQL begins a time that is none."""

_MOST_COLUMNS = 10_000
"""Names remembered at a time: records may have names that never come again."""


class DeletedRows:
    """The marks among the columns of one stream, looked for once in each name."""

    def __init__(self) -> None:
        """Start with no column seen."""
        self._columns: set[str] = set()
        self._checks: list[tuple[str, Callable[[object], bool]]] = []
        """Whether a value marks its row as deleted, by column."""
        self._are_known: Callable[[Iterable[str]], bool] = self._columns.issuperset

    def is_deleted(self, record: Mapping[str, t.Any]) -> bool:
        """Return whether a record is of a deleted row."""
        if not self._are_known(record):
            self._learn(record)
        for column, is_deleted in self._checks:
            value = record.get(column)
            if value is not None and is_deleted(value):
                return True
        return False

    def _learn(self, columns: Iterable[str]) -> None:
        if len(self._columns) >= _MOST_COLUMNS:
            self._columns.clear()
            self._checks.clear()
        for column in columns:
            if column not in self._columns:
                self._columns.add(column)
                if may_mark(column):
                    is_row = _usual_name(column) == _ROW
                    self._checks.append(
                        (column, _is_deleted_row if is_row else _is_set)
                    )


@functools.lru_cache(maxsize=4096)
def may_mark(column: str) -> bool:
    """Return whether a column may say that its row was deleted."""
    name = _usual_name(column)
    return name in MARKS or name == _ROW


def _usual_name(column: str) -> str:
    return column.removeprefix("\ufeff").strip().lower()


def _is_set(value: object) -> bool:
    """Return whether a mark, a flag or a time, is that of a deleted row."""
    if value is None or value is False or value is True:
        return value is True
    text = str(value).strip().lower()
    return text not in _NOT_DELETED and not text.startswith(_NO_DATE)


def _is_deleted_row(row: object) -> bool:
    if isinstance(row, str):
        if "deleted" not in row.lower():
            return False
        try:
            row = values.opened(row)
        except ValueError:
            return False
    return isinstance(row, dict) and any(
        _is_set(value) for name, value in row.items() if name.lower() in MARKS
    )
