"""Reads the report of a run: what became of the records that it read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 16_000_000


class RunReport(msgspec.Struct, frozen=True):
    """The figures of a report that findings rest on (docs/report.md)."""

    read: int
    delivered: int
    filtered: int
    rejected: int
    held: int
    duplicate: int
    outcome: str = ""
    destination: str = ""
    started_at: str = ""
    open: int = 0
    filtered_by_reason: dict[str, int] = {}
    rejected_by_reason: dict[str, int] = {}
    late: int = 0
    without_user_id: int = 0
    waiting: int = 0
    id_conflict: int = 0
    odd_ids: dict[str, int] = {}
    texts_cut: int = 0
    columns_not_understood: dict[str, int] = {}

    @property
    def settled(self) -> int:
        """Records of which it is known what became of them."""
        outcomes = self.delivered, self.filtered, self.rejected, self.held
        return sum(outcomes) + self.duplicate


class Report(msgspec.Struct, frozen=True):
    """A report, or why there is none."""

    path: str
    run: RunReport | None = None
    problem: str | None = None
    """Why it cannot be read."""


_decode = msgspec.json.Decoder(RunReport).decode


def read_report(path: Path) -> Report:
    """Return what a report says; a problem with it is part of that."""
    try:
        if path.exists() and not path.is_file():
            return Report(str(path), problem="it is not a file")
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
    except OSError as error:
        return Report(str(path), problem=error.strerror)
    if len(text) > _MOST_BYTES:
        return Report(str(path), problem="it is too large to be a report")
    try:
        return Report(str(path), _decode(text))
    except (ValueError, RecursionError):
        return Report(str(path), problem="it is not a report of a run")
