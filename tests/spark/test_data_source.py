"""The same delivery, written as `df.write.format("amplitude_nami")`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.spark import AmplitudeNamiDataSource
from tests.support import nami
from tests.support.run_target import API_KEY
from tests.support.spark import frame_of
from tests.support.spark_job import write_files

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession


pytestmark = pytest.mark.spark


@pytest.fixture(autouse=True)
def _registered(spark: SparkSession) -> None:
    spark.dataSource.register(AmplitudeNamiDataSource)


def options(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "dry_run": "true",
        "dry_run_path": str(folder / "dry-run.jsonl"),
        "rejects_path": str(folder / "rejects.singer"),
        "report_path": str(folder / "report.json"),
    } | more


def test_a_frame_is_written(spark: SparkSession, tmp_path: Path) -> None:
    bad = nami.impression(9, created_date="soon")
    df = frame_of(spark, [*(nami.impression(n) for n in range(8)), bad])

    writer = df.repartition(3).write.format("amplitude_nami").mode("append")
    writer.options(**options(tmp_path, event_prefix="Nami ")).save("of no use")

    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (report["outcome"], report["delivered"]) == ("complete", 8)
    assert report["rejected"] == 1
    assert len(list(tmp_path.glob("rejects-*.singer"))) == 1
    [sent] = {
        event["event_type"]
        for path in tmp_path.glob("dry-run-*.jsonl")
        for line in path.read_text("utf-8").splitlines()
        for event in json.loads(line)["events"]
    }
    assert sent == "Nami device.impression"


def test_a_stream_is_written(spark: SparkSession, tmp_path: Path) -> None:
    write_files(tmp_path, 2, 10)
    rows = spark.readStream.schema("payload string").json(str(tmp_path / "input"))
    started = (
        rows.writeStream.format("amplitude_nami")
        .options(**options(tmp_path))
        .option("checkpointLocation", str(tmp_path / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    started.awaitTermination()

    report = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (report["outcome"], report["delivered"]) == ("complete", 20)


@pytest.mark.parametrize(
    ("more", "mode", "problem"),
    [
        ({"api_kee": "x"}, "append", "api_kee"),
        ({"api_key": API_KEY}, "append", "api_key must not be an option"),
        ({"dry_run": "false", "endpoint": "local"}, "append", "endpoint cannot be"),
        ({"max_events_per_second": "5"}, "append", "say how many with the option"),
        ({"slots": "x"}, "append", "slots is 'x'"),
        ({}, "overwrite", "Amplitude replaces nothing"),
    ],
)
def test_wrong_options_are_said_before_any_task(
    more: dict[str, str],
    mode: str,
    problem: str,
    spark: SparkSession,
    tmp_path: Path,
) -> None:
    writer = frame_of(spark, [nami.impression(1)]).write.format("amplitude_nami")
    with pytest.raises(Exception, match=problem) as caught:
        writer.mode(mode).options(**options(tmp_path, **more)).save()
    assert API_KEY not in str(caught.value)
    assert not list(tmp_path.iterdir())
