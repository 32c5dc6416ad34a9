"""Which hours are compared, and which ones Amplitude is asked for."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from target_amplitude_nami.reconciliation.window import Window, window_of

NOW = dt.datetime(2026, 11, 23, 14, 30, tzinfo=dt.UTC)
"""The newest hour that can be exported is 11:00, and compared 10:00."""


def window(start: int, end: int | None, **options: Any) -> Window:
    return window_of(
        NOW.replace(hour=start, minute=0),
        None if end is None else NOW.replace(hour=end, minute=0),
        now=NOW,
        **{"is_immediate": False, "retry_for": 1800} | options,
    )


def ms(hour: int, minute: int = 0) -> int:
    return int(NOW.replace(hour=hour, minute=minute).timestamp() * 1000)


def test_both_hours_belong_to_it() -> None:
    found = window(5, 7)
    assert (found.since, found.until) == (ms(5), ms(8))
    assert str(found.span) == "2026-11-23T05 to 2026-11-23T07"


def test_amplitude_is_asked_for_an_hour_before_and_after() -> None:
    assert str(window(5, 7).asked) == "2026-11-23T04 to 2026-11-23T08"
    assert str(window(5, 10).asked) == "2026-11-23T04 to 2026-11-23T11"
    assert str(window(5, None).asked) == "2026-11-23T04 to 2026-11-23T11"
    immediate = window(5, None, is_immediate=True).asked
    assert str(immediate) == "2026-11-23T04 to 2026-11-23T14"


def test_it_begins_before_the_first_attempt_of_a_request() -> None:
    found = window(9, 10, retry_for=3 * 3600)
    assert str(found.asked) == "2026-11-23T06 to 2026-11-23T11"


def test_hours_that_cannot_be_compared_yet_are_left_out() -> None:
    found = window(9, 13)
    assert str(found.span) == "2026-11-23T09 to 2026-11-23T10"
    assert str(found.left_out) == "2026-11-23T11 to 2026-11-23T13"
    assert found.is_too_new(ms(11))
    assert not found.is_too_new(ms(10, 59))
    assert not found.is_too_new(ms(14))


def test_without_an_end_all_that_is_newer_is_left_out() -> None:
    found = window(9, None)
    assert str(found.span) == "2026-11-23T09 to 2026-11-23T10"
    assert found.left_out is None
    assert found.is_too_new(ms(20))


def test_nothing_may_be_left() -> None:
    assert window(11, None).span.hours <= 0
    assert window(11, 13).span.hours <= 0


@pytest.mark.parametrize("end", [None, 14, 20])
def test_a_local_amplitude_exports_at_once(end: int | None) -> None:
    found = window(10, end, is_immediate=True)
    assert str(found.span) == "2026-11-23T10 to 2026-11-23T14"
    assert found.left_out is None
