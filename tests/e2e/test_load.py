"""`amplitude-nami load` as real processes: what arrives, and what is refused."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami import EncodedEvent, EventBuilder, Settings
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami
from tests.support.environment import clean_environment
from tests.support.loading import (
    KEY,
    arrived,
    ids,
    impressions,
    load,
)
from tests.support.parquet import write_parquet
from tests.support.run_command import COMMAND, run_command
from tests.support.server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


ORDER = "events of one user"


@pytest.fixture
def amplitude() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


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


@pytest.mark.parametrize("arguments", [[""], ["a.parquet", "--state", ""]])
def test_an_empty_name_is_not_the_working_folder(
    tmp_path: Path, arguments: list[str]
) -> None:
    write_parquet(tmp_path / "a.parquet", impressions(5))

    done = load(tmp_path, "http://127.0.0.1:9/", *arguments)

    assert done.exit_code == 2
    assert "a file's name is missing" in done.stderr


def test_closed_standard_streams_are_no_connections_of_workers(
    tmp_path: Path, amplitude: ScriptedServer
) -> None:
    write_parquet(tmp_path / "a.parquet", impressions(20), rows_per_group=5)
    config = KEY | {"endpoint": amplitude.url, "report_path": "report.json"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    arguments = "load --config config.json --workers 2 a.parquet"

    done = subprocess.run(
        ["/bin/sh", "-c", f"{COMMAND} {arguments} <&- >&- 2>&-"],
        cwd=tmp_path,
        env=clean_environment(),
        check=False,
    )

    assert done.returncode == 0
    assert json.loads((tmp_path / "report.json").read_text())["delivered"] == 20


def test_nothing_is_read_when_the_integration_is_switched_off(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", impressions(5))

    done = load(tmp_path, "http://127.0.0.1:9/", "a.parquet", enabled=False)

    assert (done.exit_code, done.json["outcome"]) == (0, "disabled")
    assert "`enabled` is false" in done.stderr
    assert not (tmp_path / "output").exists()
