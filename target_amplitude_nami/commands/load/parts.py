"""Divides the rows of Parquet files into parts, each of which one process delivers."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_amplitude_nami.commands.load.files import InputFile

MOST_ROWS: t.Final = 50_000
"""Small row groups are taken together up to so many rows: each part has its own
connections, and waits for the last answer."""
_PARTS_PER_WORKER: t.Final = 4
"""At least so many, where there are row groups enough, so that all end together."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What earlier runs have delivered of a file."""

    row_groups: frozenset[int] = frozenset()
    begun: Mapping[int, int] | None = None
    """How many rows of a row group are delivered, where that is not all of them."""

    def rows_begun(self, row_group: int) -> int:
        """Return how many rows of an unfinished row group are delivered."""
        return 0 if self.begun is None else self.begun.get(row_group, 0)


@dataclass(frozen=True, slots=True)
class Part:
    """Row groups of one file that follow each other."""

    name: str
    """Unlike that of any other part, whichever are finished."""
    file: InputFile
    row_groups: tuple[int, ...]
    rows_before: int = 0
    """How many rows of the first row group are delivered already."""

    @property
    def rows(self) -> int:
        """How many rows are to be delivered."""
        return sum(self.file.row_groups[n] for n in self.row_groups) - self.rows_before


def parts_of(
    files: Sequence[InputFile], finished: Mapping[str, Finished], workers: int
) -> list[Part]:
    """Return what is left to deliver, in the order of the files and of their rows.

    Args:
        files: The files.
        finished: By the address of a file, what earlier runs delivered of it.
        workers: How many processes will deliver.
    """
    rows = sum(file.rows for file in files)
    most_rows = min(MOST_ROWS, max(1, rows // (workers * _PARTS_PER_WORKER)))
    parts: list[Part] = []
    for number, file in enumerate(files, 1):
        done = finished.get(file.address, Finished())
        for groups in _divided(file, done, most_rows):
            name = f"{number}-{groups[0] + 1}"
            parts.append(Part(name, file, groups, done.rows_begun(groups[0])))
    return parts


def _divided(
    file: InputFile, done: Finished, most_rows: int
) -> Iterator[tuple[int, ...]]:
    together: list[int] = []
    rows = 0
    for number, its_rows in enumerate(file.row_groups):
        is_done = number in done.row_groups or not its_rows
        is_apart = is_done or done.rows_begun(number) or rows + its_rows > most_rows
        if together and is_apart:
            yield tuple(together)
            together, rows = [], 0
        if not is_done:
            together.append(number)
            rows += its_rows
    if together:
        yield tuple(together)
