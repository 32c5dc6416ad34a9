"""What a load says of how far it is."""

from __future__ import annotations

import logging

import pytest

from target_amplitude_nami.commands.load.progress import LoadProgress


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def said_after(seconds: float, rows: int, caplog: pytest.LogCaptureFixture) -> str:
    """Return what is logged of 100,000 rows when so many are read by then."""
    clock = Clock()
    progress = LoadProgress(100_000, logging.getLogger("load"), None, clock)
    caplog.set_level(logging.INFO)
    clock.now += seconds
    progress.look(rows)
    return caplog.text and caplog.messages[-1]


@pytest.mark.parametrize(
    ("seconds", "rows", "says"),
    [
        (5, 50_000, ""),
        (10, 50_000, "50,000 of 100,000 rows read; 5,000 rows/s; about 10 s left"),
        (20, 5_000, "5,000 of 100,000 rows read; 250 rows/s; about 6 min left"),
        (50, 100, "100 of 100,000 rows read; 2 rows/s; about 13.9 h left"),
        (10, 0, "0 of 100,000 rows read; 0 rows/s"),
    ],
)
def test_the_rows_the_rate_and_the_rest_are_logged_after_ten_seconds(
    seconds: float, rows: int, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert said_after(seconds, rows, caplog) == (says and f"So far: {says}")


def test_the_rate_is_that_of_the_last_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    progress = LoadProgress(100_000, logging.getLogger("load"), None, clock)
    caplog.set_level(logging.INFO)
    for rows in [*[60_000] * 10, 60_600]:
        clock.now += 10
        progress.look(rows)

    assert "10 rows/s" in caplog.messages[-1]
