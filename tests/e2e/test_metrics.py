"""The metrics file from run to run, whatever becomes of a run."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from target_amplitude_nami.local.faults import Do, Fault, Faults
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami, singer
from tests.support.run_target import API_KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.zygote import Running, Zygote

PATIENCE_SECONDS = 30
EVENT_TIME = 1_780_000_000
SETTINGS: dict[str, Any] = {
    "api_key": API_KEY,
    "metrics_path": "nami.prom",
    "batch_wait_seconds": 1,
}
EVENT = nami.impression(1, created_date=EVENT_TIME)


def start(
    zygote: Zygote, folder: Path, local: LocalAmplitude, text: bytes, **settings: Any
) -> tuple[Running, int]:
    """Start a run; its input stays open until the returned descriptor is closed."""
    reader, writer = os.pipe()
    os.write(writer, text)
    endpoint = {"endpoint": local.endpoint("http_v2")}
    run = zygote.run(folder, SETTINGS | endpoint | settings, reader)
    os.close(reader)
    return run, writer


def run_to_end(zygote: Zygote, folder: Path, *args: Any, **settings: Any) -> int | None:
    run, writer = start(zygote, folder, *args, **settings)
    os.close(writer)
    return run.wait(PATIENCE_SECONDS)


def gauges(folder: Path) -> dict[str, float]:
    """Return the metrics that have no further labels, and the outcome with the 1."""
    text = (folder / "nami.prom").read_text("utf-8")
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removeprefix("amplitude_nami_")
            if sample.labels.keys() == {"integration"}:
                found[name] = sample.value
            elif name == "run_outcome" and sample.value:
                found[sample.labels["outcome"]] = sample.value
    return found


def messages(*events: dict[str, Any]) -> bytes:
    return b"".join(singer.records("events", list(events)))


def test_a_failed_run_and_a_killed_one_keep_the_last_success_and_the_watermark(
    tmp_path: Path, zygote: Zygote
) -> None:
    with LocalAmplitude(tmp_path / "amplitude.db") as local:
        before = time.time()
        assert run_to_end(zygote, tmp_path, local, messages(EVENT)) == 0
        good = gauges(tmp_path)
        assert good["complete"]
        success = good["last_success_timestamp_seconds"]
        assert before <= success <= time.time()
        assert good["run_start_timestamp_seconds"] <= success
        assert good["watermark_timestamp_seconds"] == EVENT_TIME
        assert good["watermark_lag_seconds"] == pytest.approx(success - EVENT_TIME)

        foreign = b"".join(singer.records("others", [{"who": "else"}]))
        assert run_to_end(zygote, tmp_path, local, foreign) == 1
        failed = gauges(tmp_path)
        assert failed["failed"]

        run, writer = start(zygote, tmp_path, local, singer.state({"position": 1}))
        run.wait_for("position")
        run.kill(signal.SIGKILL)
        assert run.wait(PATIENCE_SECONDS) == -signal.SIGKILL
        os.close(writer)
        killed = gauges(tmp_path)
        assert killed["running"]
        assert "run_end_timestamp_seconds" not in killed

        for later in (failed, killed):
            assert later["last_success_timestamp_seconds"] == success
            assert later["watermark_timestamp_seconds"] == EVENT_TIME
            assert later["run_start_timestamp_seconds"] >= int(success)


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        ({"max_rejected": 0}, ("too_many_rejects", 3)),
        ({"max_rejected": 1}, ("complete", 0)),
        ({"enabled": False}, ("disabled", 0)),
    ],
)
def test_each_end_of_a_run_is_an_outcome(
    tmp_path: Path,
    zygote: Zygote,
    local_amplitude: LocalAmplitude,
    settings: dict[str, Any],
    end: tuple[str, int],
) -> None:
    outcome, exit_code = end
    text = messages(EVENT, nami.impression(2, created_date="yesterday"))
    done = run_to_end(zygote, tmp_path, local_amplitude, text, **settings)
    assert done == exit_code
    found = gauges(tmp_path)
    assert found[outcome]
    assert ("last_success_timestamp_seconds" in found) == (outcome == "complete")


def test_a_stopped_run_is_interrupted(tmp_path: Path, zygote: Zygote) -> None:
    with LocalAmplitude(tmp_path / "amplitude.db") as local:
        run, writer = start(zygote, tmp_path, local, singer.state({"position": 1}))
        run.wait_for("position")
        run.kill(signal.SIGTERM)
        assert run.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM
        os.close(writer)
    assert gauges(tmp_path)["interrupted"]
    last = run.log.splitlines()[-1]
    assert last.endswith("Stopped by SIGTERM: run again to go on where STATE ends")


def test_held_records_are_there_with_the_time_since_when(
    tmp_path: Path, zygote: Zygote, local_amplitude: LocalAmplitude
) -> None:
    settings = {"memory_path": "memory.db", "anonymous_users": "hold"}
    before = int(time.time())
    for _ in range(2):
        done = run_to_end(
            zygote, tmp_path, local_amplitude, messages(EVENT), **settings
        )
        assert done == 0
        found = gauges(tmp_path)
        assert found["held_records"] == 1
        assert before <= found["oldest_held_timestamp_seconds"] <= time.time()


def test_a_file_that_is_no_metrics_is_written_over(
    tmp_path: Path, zygote: Zygote, local_amplitude: LocalAmplitude
) -> None:
    (tmp_path / "nami.prom").write_bytes(b"\xff\x00 no metrics")
    assert run_to_end(zygote, tmp_path, local_amplitude, messages(EVENT)) == 0
    assert gauges(tmp_path)["complete"]


def test_throttles_and_retries_are_counted(tmp_path: Path, zygote: Zygote) -> None:
    faults = Faults((Fault(do=Do(status=503, raw="busy"), times=1),))
    with LocalAmplitude(tmp_path / "amplitude.db", faults=faults) as local:
        assert run_to_end(zygote, tmp_path, local, messages(EVENT)) == 0
    assert gauges(tmp_path)["run_retries"] == 1


def test_a_run_whose_rejects_cannot_be_kept_at_the_end_is_no_success(
    tmp_path: Path, zygote: Zygote, local_amplitude: LocalAmplitude
) -> None:
    text = messages(EVENT, nami.impression(2, created_date="yesterday"))
    done = run_to_end(zygote, tmp_path, local_amplitude, text, rejects_path="/dev/full")
    assert done == 1
    found = gauges(tmp_path)
    assert found["failed"]
    assert "last_success_timestamp_seconds" not in found
