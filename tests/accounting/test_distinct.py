"""Counting different texts in memory that stays flat."""

from __future__ import annotations

import sys

from target_amplitude_nami.accounting.distinct import Distinct, stable_hash


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


def test_the_texts_of_two_are_counted_once() -> None:
    one, other = Distinct(hash_of=stable_hash), Distinct(hash_of=stable_hash)
    one.add(["a", "b"])
    other.add(["b", "c"])
    assert (one + other).count == 3
    assert (one.count, other.count) == (2, 2)


def test_few_and_many_together_are_counted_nearly() -> None:
    many = counted(50_000)
    few = counted(60_000)
    for both in (many + few, few + many):
        assert not both.is_exact
        assert abs(both.count - 60_000) < 60_000 / 4


def test_a_stable_hash_is_the_same_in_every_process() -> None:
    assert stable_hash("user-1") == 0x88E1EA21865AAC9A
