"""`amplitude-nami load` as real processes: what arrives, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami import EncodedEvent, EventBuilder, Settings
from target_amplitude_nami.local.faults import Do, Fault, Faults
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami
from tests.support.environment import clean_environment
from tests.support.parquet import write_parquet
from tests.support.run_command import COMMAND, CommandRun, run_command
from tests.support.run_target import API_KEY
from tests.support.server import ScriptedServer, reply

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_SECONDS = 60
KEY = {"api_key": API_KEY}
SLOW = Faults((Fault(do=Do(delay=0.1)),))
ORDER = "events of one user"


@pytest.fixture
def amplitude() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def load(
    folder: Path, url: str, *arguments: str | Path, workers: int = 2, **settings: Any
) -> CommandRun:
    """Load files with these settings; the report is printed as JSON."""
    config = KEY | {"endpoint": url} | settings
    return run_command(
        folder, "load", "--workers", str(workers), "--json", *arguments, config=config
    )


@contextmanager
def loading(
    folder: Path, url: str, *arguments: str, **settings: Any
) -> Iterator[subprocess.Popen[str]]:
    """Run a load until the end of the block."""
    config = KEY | {"endpoint": url, "batch_size_rows": 50} | settings
    (folder / "config.json").write_text(json.dumps(config))
    with subprocess.Popen(
        [COMMAND, "load", "--config", "config.json", "--workers", "2", *arguments],
        cwd=folder,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def impressions(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [nami.impression(start + n) for n in range(count)]


def ids(records: list[dict[str, Any]]) -> set[str]:
    return {record["id"] for record in records}


def arrived(local: LocalAmplitude) -> Counter[str]:
    return Counter(event.sent["insert_id"] for event in local.events())


def copies(local: LocalAmplitude) -> int:
    """Return how many events the local Amplitude has dropped as copies."""
    return sum(request.duplicates for request in local.requests())


def wait_for(is_so: Any) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def state_of(folder: Path) -> dict[str, Any]:
    path = folder / "output" / "load-state.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def finished_groups(folder: Path) -> int:
    path = folder / "output" / "load-state.json"
    if not path.exists():
        return 0
    files = state_of(folder)["files"].values()
    return sum(last - first + 1 for f in files for first, last in f["finished"])


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(word) for word in children.split()]


# What arrives


def test_the_bytes_are_those_of_the_event_builder(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    records = [nami.subscription(n) for n in range(60)]
    write_parquet(tmp_path / "events.parquet", records, rows_per_group=7)

    done = load(tmp_path, amplitude.url, "events.parquet")

    builder = EventBuilder(Settings.load(KEY | {"endpoint": amplitude.url}))
    built = [builder.build(record) for record in records]
    bodies = b"\n".join(request.body for request in amplitude.received)
    assert done.exit_code == 0, done.stderr
    assert done.json["delivered"] == len(records)
    for event in built:
        assert isinstance(event, EncodedEvent)
        assert bodies.count(event.body) == 1


def test_one_worker_keeps_the_order_of_the_rows_and_warns_of_nothing(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    records = impressions(300)
    write_parquet(tmp_path / "a.parquet", records[:200], rows_per_group=60)
    write_parquet(tmp_path / "b.parquet", records[200:], rows_per_group=60)

    done = load(tmp_path, amplitude.url, "?.parquet", workers=1, parallel_requests=1)

    sent = [e["insert_id"] for request in amplitude.received for e in request.events]
    assert sent == [record["id"] for record in records]
    assert ORDER not in done.stderr


@pytest.mark.parametrize(("backfill", "warns"), [(False, True), (True, False)])
def test_it_warns_of_the_order_when_that_decides_on_user_properties(
    tmp_path: Path, amplitude: ScriptedServer, *, backfill: bool, warns: bool
) -> None:
    write_parquet(tmp_path / "a.parquet", impressions(40), rows_per_group=10)

    done = load(tmp_path, amplitude.url, "a.parquet", backfill=backfill)

    assert done.exit_code == 0
    assert done.stderr.count(ORDER) == warns


def test_columns_in_names_of_folders_are_columns(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    folder = tmp_path / "history"
    for number, name in enumerate(["device.impression", "device.session.start"]):
        record = nami.impression(number, event_type=None)
        write_parquet(folder / f"event_type={name}" / "part-0.parquet", [record])

    done = load(tmp_path, amplitude.url, "history")

    assert set(done.json["by_event_type"]) == {
        "device.impression",
        "device.session.start",
    }, done.stderr


def test_a_dry_run_writes_a_file_for_each_part_and_notes_nothing(
    tmp_path: Path,
) -> None:
    records = impressions(40)
    write_parquet(tmp_path / "a.parquet", records, rows_per_group=10)

    done = run_command(
        tmp_path,
        *("load", "a.parquet", "--workers", "2", "--json"),
        config={"dry_run": True, "dry_run_path": "dry/run.jsonl"},
    )

    files = sorted((tmp_path / "dry").iterdir())
    assert done.exit_code == 0, done.stderr
    assert len(files) == 4
    text = "".join(file.read_text() for file in files)
    assert all(text.count(record["id"]) == 1 for record in records)
    assert not (tmp_path / "output" / "load-state.json").exists()


def test_several_workers_deliver_to_one_local_amplitude(tmp_path: Path) -> None:
    records = impressions(100)
    write_parquet(tmp_path / "a.parquet", records, rows_per_group=20)

    done = run_command(
        tmp_path,
        *("load", "a.parquet", "--workers", "2", "--json"),
        config={"endpoint": "local", "local_path": "amplitude.db"},
    )

    assert done.exit_code == 0, done.stderr
    assert done.json["destination"] == "local Amplitude in amplitude.db"
    with LocalAmplitude(tmp_path / "amplitude.db") as local:
        assert arrived(local) == Counter(ids(records))


def test_the_pace_is_shared_out_among_the_workers(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    write_parquet(tmp_path / "a.parquet", impressions(300), rows_per_group=50)
    start = time.monotonic()

    done = load(
        tmp_path,
        amplitude.url,
        "a.parquet",
        max_events_per_second=100,
        batch_size_rows=10,
    )

    # What a second allows may be sent at once.
    assert done.json["delivered"] == 300
    assert time.monotonic() - start >= 2.0


# Rejects


def test_rejects_can_be_delivered_by_retry(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    records = [nami.impression(n, device_id=f"d{n}") for n in range(8)]
    write_parquet(tmp_path / "a.parquet", records, rows_per_group=2)
    done = load(tmp_path, amplitude.url, "a.parquet")
    assert (done.exit_code, done.json["rejected"]) == (0, 8), done.stderr
    assert "amplitude-nami retry --config config.json" in done.stderr

    config = KEY | {"endpoint": amplitude.url, "min_id_length": 1}
    again = run_command(tmp_path, "retry", "--json", config=config)

    assert again.json["delivered"] == 8, again.stderr
    sent = {e["insert_id"] for request in amplitude.received for e in request.events}
    assert sent == ids(records)


def test_more_rejects_than_allowed_exit_with_3(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    records = [
        *impressions(10),
        *(nami.impression(n, created_date="x") for n in (11, 12)),
    ]
    write_parquet(tmp_path / "a.parquet", records)

    done = load(
        tmp_path,
        amplitude.url,
        "a.parquet",
        max_rejected=1,
        report_path="report.json",
        metrics_path="metrics.prom",
    )

    assert done.exit_code == 3
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["outcome"], report["delivered"]) == ("too_many_rejects", 10)
    assert 'outcome="too_many_rejects"' in (tmp_path / "metrics.prom").read_text()


# How it ends, and goes on


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
    ("number", "whom"),
    [
        (signal.SIGTERM, "the command"),
        (signal.SIGINT, "all of its processes, as a terminal does"),
    ],
)
def test_a_stop_finishes_what_is_read_and_the_next_load_sends_only_the_rest(
    tmp_path: Path, number: signal.Signals, whom: str
) -> None:
    records = impressions(4_000)
    write_parquet(tmp_path / "a.parquet", records, rows_per_group=500)
    with LocalAmplitude(tmp_path / "amplitude.db", faults=SLOW) as local:
        url = local.endpoint("http_v2")
        with loading(tmp_path, url, "a.parquet", parallel_requests=1) as process:
            wait_for(lambda: local.summary().total >= 300)
            if whom == "the command":
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


def test_rows_that_are_not_namis_end_the_load_with_1_and_are_not_noted(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    write_parquet(tmp_path / "a.parquet", [{"x": n} for n in range(20)], 5)

    done = load(tmp_path, amplitude.url, "a.parquet")

    assert done.exit_code == 1
    assert "None of 20 records was recognised" in done.json["error"]
    assert finished_groups(tmp_path) == 0


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


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"memory_path": "memory.db"}, "memory_path cannot be used here"),
        ({"stream_maps": {"*": {}}}, "stream_maps cannot be used by `load`"),
        ({"rejects_path": "/dev/null/x"}, "rejects_path is "),
    ],
)
def test_settings_that_cannot_be_used_are_refused_before_anything_is_sent(
    tmp_path: Path, settings: dict[str, Any], says: str
) -> None:
    write_parquet(tmp_path / "a.parquet", impressions(5))

    done = load(tmp_path, "http://127.0.0.1:9/", "a.parquet", **settings)

    assert done.exit_code == 1
    assert says in done.json["error"]


def test_nothing_is_read_when_the_integration_is_switched_off(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", impressions(5))

    done = load(tmp_path, "http://127.0.0.1:9/", "a.parquet", enabled=False)

    assert (done.exit_code, done.json["outcome"]) == (0, "disabled")
    assert "`enabled` is false" in done.stderr
    assert not (tmp_path / "output").exists()


# Memory


def peak_kilobytes(folder: Path, url: str, file: str) -> int:
    """Load a file with one worker, and return the most memory that a process had."""
    config = KEY | {"endpoint": url}
    (folder / "config.json").write_text(json.dumps(config))
    command = [COMMAND, "load", "--config", "config.json", "--workers", "1", file]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=clean_environment(),
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("rows_per_group", [1_000, 1_000_000])
def test_memory_does_not_grow_with_the_rows(
    tmp_path: Path, rows_per_group: int
) -> None:
    peaks = []
    with ScriptedServer() as server:
        for count in (20_000, 200_000):
            write_parquet(
                tmp_path / f"{count}.parquet", impressions(count), rows_per_group
            )
            peaks.append(peak_kilobytes(tmp_path, server.url, f"{count}.parquet"))
            server.received.clear()
    few, many = peaks
    assert many < 1.2 * few, peaks
