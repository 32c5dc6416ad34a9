"""How loads end, and go on: stops, kills, failures, and their memory."""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from target_amplitude_nami.local.faults import Do, Fault, Faults
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support.loading import (
    PATIENCE_SECONDS,
    SLOW,
    arrived,
    copies,
    finished_groups,
    ids,
    impressions,
    load,
    loading,
    wait_for,
    workers_of,
)
from tests.support.parquet import write_parquet
from tests.support.run_target import API_KEY
from tests.support.server import ScriptedServer, reply

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def amplitude() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def test_a_finished_load_has_nothing_more_to_do(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    write_parquet(tmp_path / "a.parquet", impressions(30), rows_per_group=10)
    load(tmp_path, amplitude.url, "a.parquet")
    requests = len(amplitude.received)
    write_parquet(tmp_path / "b.parquet", impressions(5, start=100))

    again = load(tmp_path, amplitude.url, "a.parquet")
    more = load(tmp_path, amplitude.url, "a.parquet", "b.parquet")

    assert (again.exit_code, again.json["read"]) == (0, 0)
    assert "30 rows were delivered by earlier runs" in again.stderr
    assert (more.exit_code, more.json["delivered"]) == (0, 5)
    assert len(amplitude.received) == requests + 1


@pytest.mark.parametrize(
    ("number", "receiver"),
    [
        (signal.SIGTERM, "the command"),
        pytest.param(
            signal.SIGINT,
            "all of its processes, as a terminal does",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_stop_finishes_what_is_read_and_the_next_load_sends_only_the_rest(
    tmp_path: Path, number: signal.Signals, receiver: str
) -> None:
    records = impressions(4_000)
    write_parquet(tmp_path / "a.parquet", records, rows_per_group=500)
    with LocalAmplitude(tmp_path / "amplitude.db", faults=SLOW) as local:
        url = local.endpoint("http_v2")
        with loading(tmp_path, url, "a.parquet", parallel_requests=1) as process:
            wait_for(lambda: local.summary().total >= 300)
            if receiver == "the command":
                process.send_signal(number)
            else:
                os.killpg(process.pid, number)
            _, log = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 128 + number, log
        assert f"Stopped by {number.name}: run the same command again" in log
        assert "at least" not in log
        before = arrived(local)
        assert 0 < len(before) < len(records)

        local.set_faults(Faults())
        again = load(tmp_path, url, "a.parquet")

        assert again.exit_code == 0, again.stderr
        assert again.json["delivered"] == len(records) - len(before)
        assert arrived(local) == Counter(ids(records))
        assert copies(local) == 0


@pytest.mark.slow
def test_a_stop_ends_in_time_when_amplitude_does_not_answer(tmp_path: Path) -> None:
    records = impressions(1_000)
    write_parquet(tmp_path / "a.parquet", records, rows_per_group=100)
    silent = Faults((Fault(do=Do(delay=60)),))
    with LocalAmplitude(tmp_path / "amplitude.db") as local:
        url = local.endpoint("http_v2")
        local.set_faults(silent)
        with loading(tmp_path, url, "a.parquet", shutdown_grace=1) as process:
            wait_for(lambda: len(workers_of(process)) == 2)
            wait_for(lambda: list(local.requests()) or local._server.server_state.tasks)
            process.terminate()
            start = time.monotonic()
            _, log = process.communicate(timeout=PATIENCE_SECONDS)
            seconds = time.monotonic() - start
        assert process.returncode == 128 + signal.SIGTERM, log
        assert seconds < PATIENCE_SECONDS / 4

        local.set_faults(Faults())
        again = load(tmp_path, url, "a.parquet")

        assert again.json["delivered"] == len(records)
        assert arrived(local) == Counter(ids(records))


def test_kill_9_loses_nothing_and_sends_again_what_was_on_its_way_alone(
    tmp_path: Path,
) -> None:
    records = impressions(4_000)
    write_parquet(tmp_path / "a.parquet", records, rows_per_group=250)
    with LocalAmplitude(tmp_path / "amplitude.db", faults=SLOW) as local:
        url = local.endpoint("http_v2")
        with loading(tmp_path, url, "a.parquet", parallel_requests=1) as process:
            wait_for(lambda: finished_groups(tmp_path) >= 2)
            settled = local.summary().total
            wait_for(lambda: local.summary().total > settled)
            workers = workers_of(process)
            process.kill()
            process.wait()
        wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
        done = finished_groups(tmp_path)
        local.set_faults(Faults())

        again = load(tmp_path, url, "a.parquet")

        assert again.exit_code == 0, again.stderr
        assert again.json["delivered"] == len(records) - done * 250
        assert arrived(local) == Counter(ids(records))
        assert 0 < copies(local) <= 2 * 500


def test_a_killed_worker_ends_the_load_with_one_line_and_loses_nothing(
    tmp_path: Path,
) -> None:
    records = impressions(2_000)
    write_parquet(tmp_path / "a.parquet", records, rows_per_group=250)
    with LocalAmplitude(tmp_path / "amplitude.db", faults=SLOW) as local:
        url = local.endpoint("http_v2")
        with loading(tmp_path, url, "a.parquet", parallel_requests=1) as process:
            wait_for(lambda: local.summary().total >= 100)
            os.kill(workers_of(process)[0], signal.SIGKILL)
            _, log = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 1
        last = log.splitlines()[-1]
        assert last.startswith("amplitude-nami load: a worker process was killed")
        assert "run the same command again" in last
        assert "at least" in log

        local.set_faults(Faults())
        again = load(tmp_path, url, "a.parquet")

        assert again.exit_code == 0, again.stderr
        assert arrived(local) == Counter(ids(records))


def test_a_wrong_key_ends_the_load_with_1_and_nothing_is_noted(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", impressions(20), rows_per_group=10)
    refused = reply(400, {"code": 400, "error": "Invalid API key: " + API_KEY})
    with ScriptedServer(*[refused] * 4) as server:
        done = load(tmp_path, server.url, "a.parquet")

    assert done.exit_code == 1
    assert "api_key" in done.json["error"]
    assert API_KEY not in done.stderr + done.stdout
    assert finished_groups(tmp_path) == 0


def test_a_damaged_row_group_is_named_and_the_others_are_noted(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    file = write_parquet(tmp_path / "a.parquet", impressions(40), rows_per_group=10)
    damaged = parquet.read_metadata(file).row_group(3).column(0).data_page_offset
    with file.open("r+b") as opened:
        opened.seek(damaged)
        opened.write(b"\xff" * 40)

    done = load(tmp_path, amplitude.url, "a.parquet", workers=1)

    assert done.exit_code == 1
    assert "a.parquet, row group 4, cannot be read" in done.json["error"]
    assert finished_groups(tmp_path) == 3


def test_a_file_that_is_replaced_during_the_load_ends_it_and_is_not_noted(
    tmp_path: Path,
) -> None:
    records = impressions(2_000)
    write_parquet(tmp_path / "a.parquet", records, rows_per_group=1_000)
    other = write_parquet(tmp_path / "b", records[:1_000] + records[:1_000], 1_000)
    with LocalAmplitude(tmp_path / "amplitude.db", faults=SLOW) as local:
        url = local.endpoint("http_v2")
        with loading(tmp_path, url, "a.parquet", parallel_requests=1) as process:
            wait_for(lambda: local.summary().total >= 50)
            other.replace(tmp_path / "a.parquet")
            _, log = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert "a.parquet has changed while it was being read" in log.splitlines()[-1]
    assert finished_groups(tmp_path) == 0


def test_rows_that_are_all_rejected_are_noted(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    records = [record | {"took": dt.timedelta(1)} for record in impressions(20)]
    write_parquet(tmp_path / "a.parquet", records, 10)

    done = load(tmp_path, amplitude.url, "a.parquet")

    assert (done.exit_code, done.json["rejected"]) == (0, 20), done.stderr
    assert finished_groups(tmp_path) == 2


def test_rows_that_are_not_namis_end_the_load_with_1_and_are_not_noted(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    write_parquet(tmp_path / "a.parquet", [{"x": n} for n in range(20)], 5)

    done = load(tmp_path, amplitude.url, "a.parquet")

    assert done.exit_code == 1
    assert "None of 20 records was recognised" in done.json["error"]
    assert finished_groups(tmp_path) == 0


def test_rows_that_are_all_rejected_are_noted_and_not_rejected_again(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    rows = [record | {"value": b"\xff"} for record in impressions(20)]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")

    done = load(tmp_path, amplitude.url, "a.parquet")
    again = load(tmp_path, amplitude.url, "a.parquet")

    assert (done.exit_code, done.json["rejected"]) == (0, 20)
    assert (again.exit_code, again.json["read"]) == (0, 0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "a.parquet has changed"),
        ({"user_source": "nami_user_id"}, "other settings (user_source)"),
        ({"api_key": "f" * 32}, "other settings (the main project)"),
    ],
)
def test_another_file_or_other_settings_are_refused(
    tmp_path: Path, amplitude: ScriptedServer, change: dict[str, Any], says: str
) -> None:
    file = write_parquet(tmp_path / "a.parquet", impressions(20))
    load(tmp_path, amplitude.url, "a.parquet")
    if not change:
        write_parquet(file, impressions(20, start=20))

    done = load(tmp_path, amplitude.url, "a.parquet", **change)
    anew = load(tmp_path, amplitude.url, "a.parquet", "--state", "new.json", **change)

    assert done.exit_code == 1
    assert says in done.json["error"]
    assert "--state" in done.json["error"]
    assert (anew.exit_code, anew.json["delivered"]) == (0, 20)


def test_a_second_load_with_the_same_state_is_refused(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", impressions(1_000), rows_per_group=100)
    with LocalAmplitude(tmp_path / "amplitude.db", faults=SLOW) as local:
        url = local.endpoint("http_v2")
        with loading(tmp_path, url, "a.parquet", parallel_requests=1):
            wait_for(lambda: local.summary().total >= 1)
            done = load(tmp_path, url, "a.parquet")

    assert done.exit_code == 1
    assert "in use by another load" in done.json["error"]


# Memory


def peak_kilobytes(folder: Path, url: str, file: str) -> int:
    """Load a file with one worker, and return the most memory that it had at a time.

    The system's own figure for a process begins with the memory of the one that it was
    forked from.
    """
    peak = 0
    with loading(folder, url, file, "--workers", "1", batch_size_rows=2_000) as process:
        process_log = process.stderr
        assert process_log is not None
        while process.poll() is None:
            peak = max(peak, sum(map(kilobytes, workers_of(process))))
            time.sleep(0.02)
        assert process.returncode == 0, process_log.read()
    return peak


def kilobytes(pid: int) -> int:
    """Return the most memory that a process had; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) if found else 0


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("rows_per_group", [1_000, 1_000_000])
def test_memory_does_not_grow_with_the_rows(
    tmp_path: Path, rows_per_group: int
) -> None:
    peaks = []
    # A run of 100,000 rows has filled every cache and buffer that grows to a limit.
    with ScriptedServer() as server:
        for count in (100_000, 300_000):
            write_parquet(
                tmp_path / f"{count}.parquet", impressions(count), rows_per_group
            )
            peaks.append(peak_kilobytes(tmp_path, server.url, f"{count}.parquet"))
            server.received.clear()
    few, many = peaks
    assert many < 1.15 * few, peaks
