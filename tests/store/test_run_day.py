"""Which day it is for purging, and what a wrong clock does to it."""

from __future__ import annotations

import pytest

from target_amplitude_nami.store.run_day import RunDay, reckon

TODAY = 20_000


@pytest.mark.parametrize(
    ("last_run", "newest_event", "expected"),
    [
        (None, None, RunDay(TODAY, TODAY, TODAY)),
        (TODAY, TODAY, RunDay(TODAY, TODAY, TODAY)),
        (TODAY - 1, TODAY - 400, RunDay(TODAY, TODAY - 1, TODAY)),
        (TODAY - 31, None, RunDay(TODAY, TODAY - 31, TODAY)),
        (TODAY, TODAY + 1, RunDay(TODAY + 1, TODAY, TODAY + 1)),
    ],
)
def test_a_clock_that_agrees_is_believed(
    last_run: int | None, newest_event: int | None, expected: RunDay
) -> None:
    assert reckon(TODAY, last_run, newest_event) == expected


def test_a_clock_far_ahead_purges_nothing_and_is_not_believed() -> None:
    day = reckon(TODAY + 3_000, TODAY, TODAY)
    assert (day.today, day.purge_as_of) == (TODAY + 3_000, TODAY)
    assert day.last_run_day == TODAY + 40
    assert day.warning is not None
    assert "2032-12-21, 3000 days after" in day.warning


@pytest.mark.parametrize("machine", [0, TODAY - 100, TODAY - 2])
def test_a_clock_that_is_behind_purges_nothing_and_forgets_nothing_early(
    machine: int,
) -> None:
    day = reckon(machine, TODAY, None)
    assert (day.today, day.purge_as_of, day.last_run_day) == (TODAY, machine, TODAY)
    assert day.warning is not None
    assert "events of 2024-10-04: check the clock" in day.warning


def test_after_a_run_under_a_wrong_clock_the_data_say_who_is_right() -> None:
    wrong = reckon(TODAY + 3_000, TODAY, TODAY)
    right = reckon(TODAY + 1, wrong.last_run_day, TODAY + 1)
    assert right.warning is not None
    assert "was used under a clock of" in right.warning
    assert right.purge_as_of == right.last_run_day == TODAY + 1
    assert right.today >= TODAY + 1
    assert reckon(TODAY + 2, right.last_run_day, TODAY + 1).warning is None


def test_a_clock_beyond_all_dates_has_a_warning_too() -> None:
    day = reckon(10**9, TODAY, None)
    assert day.warning is not None
    assert "day 1,000,000,000 after 1970" in day.warning
