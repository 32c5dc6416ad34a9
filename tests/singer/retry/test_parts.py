"""The parts of a retry: what was rejected again, and what is settled."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.singer.retry.rejected_again import RejectedAgain
from target_amplitude_nami.singer.retry.rewriting import SettledLines

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_come_back_by_number_whatever_the_order(tmp_path: Path) -> None:
    lines = {number: b"line %d\n" % number * number for number in range(1, 200, 3)}
    numbers = list(lines)
    random.Random(7).shuffle(numbers)  # noqa: S311
    with RejectedAgain(tmp_path) as rejected_again:
        for number in numbers:
            rejected_again.add(number, b"an earlier one\n")
            rejected_again.add(number, lines[number])
        assert rejected_again.count == len(lines)
        found = {number: rejected_again.get(number) for number in range(200)}
        assert {n: line for n, line in found.items() if line} == lines
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_files_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable, match="Nothing is lost"):
        RejectedAgain(tmp_path / "missing")


def test_lines_are_settled_before_the_first_mark_and_where_a_mark_says_so() -> None:
    settled = SettledLines(2, [(5, False), (8, True), (9, False)])
    assert [number for number in range(12) if settled.has(number)] == [0, 1, 5, 6, 7]
    assert not settled.are_none
    assert SettledLines(0, [(5, False)]).are_none
