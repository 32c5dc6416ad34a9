"""What a run reports while it goes on."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.accounting.live_line import LiveLine
from target_amplitude_nami.accounting.reporting import Reporting
from target_amplitude_nami.delivery.waits import Waits
from tests.support.reports import NOTHING

if TYPE_CHECKING:
    from pathlib import Path

LOGGER = logging.getLogger("of the test")


class Shown(LiveLine):
    """A live line that keeps what it should show."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def show(self, text: str) -> None:
        self.texts.append(text)


def look_for(seconds: float, reporting: Reporting) -> None:
    """Look at a run twice a second for some seconds."""
    for halves in range(int(seconds * 2)):
        report = dataclasses.replace(NOTHING, outcome="running", seconds=halves / 2)
        reporting.look(report, Waits())


def reporting_to(
    metrics_path: Path | None = None, live: LiveLine | None = None
) -> Reporting:
    return Reporting(LOGGER, report_path=None, metrics_path=metrics_path, live=live)


def test_the_log_has_a_line_every_ten_seconds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    look_for(31, reporting_to())
    assert (
        caplog.messages
        == ["So far: 0 records read: 0 delivered; 0 events/s; waits for input"] * 3
    )


def test_a_run_that_was_held_up_logs_one_line_for_all_that_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    reporting = reporting_to()
    for seconds in (45.0, 45.5, 50.0):
        reporting.look(dataclasses.replace(NOTHING, seconds=seconds), Waits())
    assert len(caplog.messages) == 2


def test_a_live_line_is_shown_at_each_look_and_the_log_is_quiet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    live = Shown()
    look_for(31, reporting_to(live=live))
    assert len(live.texts) == 62
    assert caplog.messages == []


@pytest.mark.parametrize("live", [None, Shown()], ids=["log", "live line"])
def test_the_metrics_are_written_every_ten_seconds(
    tmp_path: Path, live: LiveLine | None
) -> None:
    reporting = reporting_to(tmp_path / "nami.prom", live)
    look_for(9.5, reporting)
    assert not (tmp_path / "nami.prom").exists()
    look_for(10.5, reporting)
    assert "amplitude_nami_run_duration_seconds" in (tmp_path / "nami.prom").read_text()


def test_metrics_that_cannot_be_written_are_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    look_for(31, reporting_to(tmp_path / "file" / "nami.prom"))
    [warning] = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert "nami.prom cannot be written" in warning.getMessage()
