"""What is done once for a job, whose partitions come from an engine."""

from __future__ import annotations

import json
import logging
import stat
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami import Settings, deliver
from target_amplitude_nami.errors import (
    ConfigurationError,
    NothingRecognised,
    OutputUnwritable,
)
from target_amplitude_nami.local.server import LocalAmplitude
from target_amplitude_nami.partitions.job import Job
from target_amplitude_nami.partitions.job_rejects import JobRejectsFile
from tests.support import nami
from tests.support.run_command import run_command
from tests.support.run_target import API_KEY

if TYPE_CHECKING:
    from pathlib import Path


def settings_in(folder: Path, **more: Any) -> Settings:
    config = {
        "endpoint": "local",
        "local_path": str(folder / "amplitude.db"),
        "rejects_path": str(folder / "rejects.singer"),
        "report_path": str(folder / "report.json"),
        "metrics_path": str(folder / "metrics.prom"),
    }
    return Settings.load(config | more)


def job_of(settings: Settings, name: str = "batch-7") -> Job:
    return Job(settings, JobRejectsFile(settings.rejects_path, name))


def run(settings: Settings, *parts: list[dict[str, Any]]) -> Job:
    with job_of(settings) as job:
        for part in parts:
            job.add(deliver(part, job.settings))
    return job


def bad(number: int) -> dict[str, Any]:
    return nami.impression(number, created_date="soon")


def impressions(*numbers: int) -> list[dict[str, Any]]:
    return [nami.impression(number) for number in numbers]


def test_partitions_share_one_local_amplitude_and_one_report(tmp_path: Path) -> None:
    job = run(settings_in(tmp_path), impressions(1, 2), [], impressions(3))

    assert (job.report.outcome, job.report.delivered) == ("complete", 3)
    assert job.report.destination == f"local Amplitude in {tmp_path / 'amplitude.db'}"
    assert not job.report.is_at_least
    written = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (written["outcome"], written["delivered"]) == ("complete", 3)
    metrics = (tmp_path / "metrics.prom").read_text("utf-8")
    assert 'run_outcome{integration="nami",outcome="complete"} 1' in metrics
    with LocalAmplitude(tmp_path / "amplitude.db") as local:
        assert local.summary().total == 3


def test_rejects_are_in_a_file_of_the_job_that_retry_delivers(tmp_path: Path) -> None:
    others = tmp_path / "rejects.singer"
    others.write_text("another run's\n", "utf-8")
    settings = settings_in(tmp_path)

    run(settings, [*impressions(1), bad(2)], [{"event_type": "x", "n": b"\xff"}])

    path = tmp_path / "rejects-batch-7.singer"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert others.read_text("utf-8") == "another run's\n"
    messages = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [(m["type"], m["stream"]) for m in messages] == [
        ("SCHEMA", "records"),
        ("SCHEMA", "_unreadable_lines"),
        ("RECORD", "records"),
        ("RECORD", "_unreadable_lines"),
    ]
    path.write_bytes(path.read_bytes().replace(b'"soon"', b'"2026-06-01T09:30:00Z"'))
    config = {"endpoint": "local", "local_path": str(settings.local_path)}
    result = run_command(tmp_path, "retry", path, config=config)
    assert "1 delivered, 1 rejected again" in result.stdout


def test_a_job_that_is_run_again_replaces_its_rejects(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    path = tmp_path / "rejects-batch-7.singer"

    run(settings, [bad(1), bad(2)])
    assert path.read_bytes().count(b'"RECORD"') == 2
    run(settings, [bad(1)])
    assert path.read_bytes().count(b'"RECORD"') == 1
    run(settings, impressions(1))
    assert not path.exists()


class Lost(Exception):  # noqa: N818 - as an engine might name it
    """What an engine raises when it gives a job up."""


def fail_after(job: Job, part: list[dict[str, Any]]) -> None:
    job.add(deliver(part, job.settings))
    raise Lost


def test_the_report_of_a_failed_job_is_at_least_what_was_done(tmp_path: Path) -> None:
    job = job_of(settings_in(tmp_path))
    with pytest.raises(Lost), job:
        fail_after(job, [*impressions(1), bad(2)])

    assert job.report.is_at_least
    written = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (written["outcome"], written["is_at_least"]) == ("failed", True)
    assert (written["delivered"], written["rejected"]) == (1, 1)
    assert (tmp_path / "rejects-batch-7.singer").exists()


def test_a_failed_job_leaves_the_rejects_of_an_earlier_try(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    run(settings, [bad(1)])
    with pytest.raises(Lost), job_of(settings):
        raise Lost
    assert (tmp_path / "rejects-batch-7.singer").exists()


def test_too_many_rejects_are_counted_over_the_whole_job(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, max_rejected=1)
    assert run(settings, [bad(1)], impressions(2)).report.outcome == "complete"
    assert run(settings, [bad(1)], [bad(2)]).report.outcome == "too_many_rejects"


def test_a_job_without_any_record_of_nami_fails(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with pytest.raises(NothingRecognised, match="None of 2 records"):
        run(settings, [{"x": 1}], [{"x": 2}])
    assert run(settings, [{"x": 1}], impressions(2)).report.filtered == 1


def test_each_warning_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(settings_in(tmp_path), [{"x": 1}], [{"x": 2}], impressions(1))
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len([text for text in warnings if "neither Nami events" in text]) == 1


def test_warnings_that_differ_in_their_figures_alone_are_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with job_of(settings_in(tmp_path)) as job:
        for text in ("One of 2026-06-01", "One of 2026-06-02", "Another one"):
            job.warn(text)

    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == ["One of 2026-06-01", "Another one"]


def test_rejects_that_no_outcome_had_room_for_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_in(tmp_path)
    with job_of(settings) as job:
        records = [bad(number) for number in range(10)]
        job.add(deliver(records, job.settings, most_reject_bytes=2_000))
    assert job.report.rejected == 10
    assert "more rejects are only counted" in caplog.text


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"memory_path": "memory.db"}, "memory_path cannot be used here"),
        ({"rejects_path": "/proc/x/rejects.singer"}, 'rejects_path is "/proc/x'),
    ],
)
def test_wrong_settings_are_found_before_anything_is_done(
    tmp_path: Path, config: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        job_of(settings_in(tmp_path, **config))
    assert not list(tmp_path.iterdir())


def test_rejects_that_cannot_be_written_make_the_job_a_failed_one(
    tmp_path: Path,
) -> None:
    settings = settings_in(tmp_path)
    job = job_of(settings)
    (tmp_path / "rejects-batch-7.singer").mkdir()  # what came into its way
    with pytest.raises(OutputUnwritable), job:
        job.add(deliver([bad(1)], job.settings))
    written = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert written["outcome"] == job.report.outcome == "failed"


def test_nothing_is_opened_when_the_integration_is_switched_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = run(settings_in(tmp_path, enabled=False), impressions(1))
    assert job.report.outcome == "disabled"
    assert not (tmp_path / "amplitude.db").exists()
    assert "`enabled` is false" in caplog.text


def test_a_job_with_a_key_gives_its_settings_to_the_partitions(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, endpoint="http://127.0.0.1:9/", api_key=API_KEY)
    with job_of(settings) as job:
        assert job.settings is settings
