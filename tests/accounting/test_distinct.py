"""Counting different texts in memory that stays flat."""

from __future__ import annotations

import sys

from target_amplitude_nami.accounting.distinct import Distinct


def counted(number: int, *, most_kept: int = 1 << 10) -> Distinct:
    """Return a counter of so many different texts, each of which came twice."""
    distinct = Distinct(most_kept)
    for start in range(0, number, 500):
        texts = [f"user-{n}" for n in range(start, min(start + 500, number))]
        distinct.add(texts)
        distinct.add(texts)
    return distinct


def test_few_are_counted_exactly() -> None:
    distinct = counted(1 << 10)
    assert distinct.count == 1 << 10
    assert distinct.is_exact


def test_many_are_counted_nearly() -> None:
    distinct = counted(50_000)
    assert not distinct.is_exact
    assert abs(distinct.count - 50_000) < 50_000 / 4  # 7 times the standard error


def test_many_take_no_more_memory() -> None:
    largest = max(sys.getsizeof(counted(n)._kept) for n in (5_000, 50_000))
    assert largest <= sys.getsizeof(set(range((1 << 10) + 1_000)))


def test_none_are_none() -> None:
    assert Distinct().count == 0
