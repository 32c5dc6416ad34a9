"""How a run's progress is put into words."""

from __future__ import annotations

import dataclasses

import pytest

from target_amplitude_nami.accounting.counts import Counts
from target_amplitude_nami.accounting.progress_text import ProgressText
from target_amplitude_nami.delivery.waits import Waits
from tests.support.reports import NOTHING

BUSY = Waits()


def describe(  # noqa: PLR0913
    text: ProgressText,
    seconds: float,
    delivered: int,
    waits: Waits = BUSY,
    *,
    more_read: int = 0,
    newest_ms: int | None = None,
) -> list[str]:
    """Return the parts of the line at a moment of the run."""
    counts = Counts({"a": delivered + more_read}, {"a": delivered}, {}, {}, {}, {})
    counts = dataclasses.replace(counts, newest_ms=newest_ms)
    report = dataclasses.replace(
        NOTHING, outcome="running", seconds=seconds, counts=counts
    )
    return text.describe(report, waits).split("; ")


def test_what_is_read_and_not_settled_is_on_the_way() -> None:
    parts = describe(ProgressText(), 10.0, 1_500, more_read=500)
    assert parts == [
        "2,000 records read: 1,500 delivered, 500 on the way",
        "150 events/s",
    ]


def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    text = ProgressText()
    rates = [
        describe(text, seconds, delivered)[1]
        for seconds, delivered in [(10.0, 1_000), (20.0, 1_000), (30.0, 1_010)]
    ]
    assert rates == ["100 events/s", "0 events/s", "1 event/s"]


def test_a_line_that_is_often_rewritten_has_the_same_rate() -> None:
    text = ProgressText()
    for tenths in range(1, 400):
        parts = describe(text, tenths / 10, tenths * 10)
    assert parts[1] == "100 events/s"


def test_the_position_is_the_time_of_the_newest_event() -> None:
    parts = describe(ProgressText(), 1.0, 1, newest_ms=1_780_268_400_999)
    assert parts[2] == "newest event of 2026-05-31 23:00:00 UTC"


@pytest.mark.parametrize(
    ("waits", "words"),
    [
        (
            Waits(keeps_reader=True, deferred_users=1, deferred_seconds=29.6),
            "1 user over a limit of Amplitude's waits 30 s more",
        ),
        (
            Waits(keeps_reader=True, deferred_users=2_000, deferred_seconds=1.0),
            "2,000 users over a limit of Amplitude's wait 1 s more",
        ),
        (
            Waits(keeps_reader=True, deferred_users=1, requests=1),
            "waits for Amplitude",
        ),
        (
            Waits(keeps_reader=True, is_paced=True),
            "waits for `max_events_per_second`",
        ),
        (
            Waits(failure="HTTP 503: busy", retry_seconds=12.4),
            "sends again in 12 s (HTTP 503: busy)",
        ),
    ],
)
def test_what_a_run_waits_for_is_said_last(waits: Waits, words: str) -> None:
    assert describe(ProgressText(), 1.0, 1, waits)[-1] == words


def test_a_run_that_reads_nothing_and_is_not_held_up_waits_for_input() -> None:
    text = ProgressText()
    assert describe(text, 10.0, 10)[-1] == "1 event/s"
    assert describe(text, 20.0, 10)[-1] == "waits for input"
    assert describe(text, 30.0, 11)[-1] == "0 events/s"


def test_two_deliveries_wait_for_what_either_waits_for() -> None:
    one = Waits(deferred_users=1, deferred_seconds=9.0, requests=1)
    other = Waits(
        keeps_reader=True,
        failure="HTTP 503",
        retry_seconds=3.0,
        deferred_users=2,
        deferred_seconds=5.0,
    )
    assert one + other == other + one
    assert one + other == Waits(
        keeps_reader=True,
        requests=1,
        failure="HTTP 503",
        retry_seconds=3.0,
        deferred_users=3,
        deferred_seconds=5.0,
    )
