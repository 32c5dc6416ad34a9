"""Runs a statement for many rows at once.

SQLite works outside the interpreter's lock, which a thread has to win back after every
statement: one for each row would take many times as long while another thread is busy.
"""

from __future__ import annotations

import functools
import itertools
import typing as t

import msgspec

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from target_amplitude_nami.store.file import StoreFile

_SIZES: t.Final = (8, 64, 200)
"""Few, so that SQLite has every statement prepared but once."""
MOST_ROWS: t.Final = _SIZES[-1]
"""In one statement."""

_ENCODED_NUL: t.Final = r"\u0000"
"""SQLite's JSON ends a text there."""

_Item = t.TypeVar("_Item")


def run_for_rows(
    file: StoreFile, statement: str, rows: Sequence[Sequence[object]], *values: object
) -> int:
    """Execute a statement for many rows; return how many rows it changed.

    Args:
        file: The file.
        statement: What to do, with the rows where it says `{rows}`. They have columns
            `column1` and so on, and a first one that is NULL means nothing.
        rows: The rows, as many values in each.
        values: Those of `?1` and so on, which come before the rows in the statement.
    """
    changed = 0
    for text, flat in _pieces(statement, rows):
        changed += file.run(text, *values, *flat)
    return changed


def run_for_pairs(
    file: StoreFile, statement: str, pairs: Mapping[str, str], *values: object
) -> int:
    """Execute a statement for many pairs of texts; return how many rows it changed.

    Two thirds of what it takes with as many `?`, and most of it outside the lock.

    Args:
        file: The file.
        statement: What to do, with the pairs where it says `{pairs}`: rows of `key` and
            `value`.
        pairs: The pairs.
        values: Those of `?1` and so on, as in `run_for_rows`.
    """
    return sum(
        file.run(text, *values, *bound)
        for text, bound in _with_pairs(statement, pairs, len(values) + 1)
    )


def rows_for_pairs(
    file: StoreFile,
    kind: type[_Item],
    statement: str,
    pairs: Mapping[str, str],
    *values: object,
) -> list[_Item]:
    """Return what a query yields for many pairs of texts; see `run_for_pairs`.

    Raises:
        StoreUnusable: When a row is of another type, which nobody wrote.
    """
    found: list[_Item] = []
    for text, bound in _with_pairs(statement, pairs, len(values) + 1):
        found += file.rows_of(kind, text, *values, *bound)
    return found


def chunks(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    """Yield a sequence in pieces."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _with_pairs(
    statement: str, pairs: Mapping[str, str], place: int
) -> list[tuple[str, tuple[str, ...]]]:
    """Return statements, and what each is to be executed with from a place on."""
    text = msgspec.json.encode(pairs).decode()
    if _ENCODED_NUL not in text:
        return [(statement.replace("{pairs}", f"json_each(?{place})"), (text,))]
    alone = f"(SELECT ?{place} AS key, ?{place + 1} AS value)"
    return [(statement.replace("{pairs}", alone), pair) for pair in pairs.items()]


def _pieces(
    statement: str, rows: Sequence[Sequence[object]]
) -> Iterator[tuple[str, list[object]]]:
    for some in chunks(rows, MOST_ROWS):
        width = len(some[0])
        size = next(size for size in _SIZES if size >= len(some))
        flat = list(itertools.chain.from_iterable(some))
        flat += [None] * (width * size - len(flat))
        yield _with_rows(statement, size, width), flat


@functools.lru_cache(maxsize=64)
def _with_rows(statement: str, size: int, width: int) -> str:
    row = f"({', '.join('?' * width)})"
    return statement.replace("{rows}", f"VALUES {', '.join([row] * size)}")
