"""What `deliver` does with a data frame, but for its bytes."""

from __future__ import annotations

import json
import logging
import pickle
import stat
from typing import TYPE_CHECKING, Any, Final

import pytest
from pyspark import TaskContext
from pyspark.errors import PySparkException
from pyspark.sql import functions as f

from target_amplitude_nami.accounting.distinct import Distinct, stable_hash
from target_amplitude_nami.errors import (
    ConfigurationError,
    DeliveryError,
    NothingRecognised,
)
from target_amplitude_nami.local.server import LocalAmplitude
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.spark import by_user, deliver
from target_amplitude_nami.spark.configuration import slots_of
from target_amplitude_nami.spark.task import Room
from tests.support import nami
from tests.support.environment import OURS
from tests.support.run_target import API_KEY
from tests.support.server import ScriptedServer, reply
from tests.support.spark import frame_of

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

pytestmark = pytest.mark.spark


@pytest.fixture
def rows(spark: SparkSession) -> DataFrame:
    return frame_of(spark, [nami.impression(number) for number in range(40)])


def in_folder(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "endpoint": "local",
        "local_path": str(folder / "amplitude.db"),
        "rejects_path": str(folder / "rejects.singer"),
        "report_path": str(folder / "report.json"),
    } | more


def test_the_report_is_of_all_partitions(rows: DataFrame, tmp_path: Path) -> None:
    report = deliver(rows.repartition(5), **in_folder(tmp_path))

    assert (report.outcome, report.delivered) == ("complete", 40)
    with LocalAmplitude(tmp_path / "amplitude.db") as local:
        assert local.summary().total == 40
    written = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (written["delivered"], written["is_at_least"]) == (40, False)


def test_rejects_of_all_partitions_are_in_one_file_of_the_batch(
    spark: SparkSession, tmp_path: Path
) -> None:
    good = [nami.impression(number) for number in range(4)]
    bad = [nami.impression(number, created_date="soon") for number in range(4, 9)]
    df = frame_of(spark, good + bad).repartition(3)

    report = deliver(df, batch=7, stream="events", **in_folder(tmp_path))

    assert (report.delivered, report.rejected) == (4, 5)
    [path] = tmp_path.glob("rejects*")
    assert path.name == "rejects-7.singer"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first, *others = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert (first["type"], first["stream"]) == ("SCHEMA", "events")
    assert sorted(m["record"]["id"] for m in others) == sorted(r["id"] for r in bad)
    # Once they are corrected, the same batch leaves none.
    deliver(frame_of(spark, good), batch=7, **in_folder(tmp_path))
    assert not list(tmp_path.glob("rejects*"))


def test_not_a_number_is_a_reject(spark: SparkSession, tmp_path: Path) -> None:
    df = frame_of(spark, [nami.impression(1, score=float("nan"))])
    report = deliver(df, **in_folder(tmp_path))
    assert report.counts.by_reason("rejected") == {"number_not_finite": 1}


WRONG: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "unknown": ({"api_kee": "x"}, "api_kee"),
    "of another type": ({"backfill": "perhaps"}, "backfill"),
    "needs memory": ({"memory_path": "memory.db"}, "with_users"),
    "hold": ({"anonymous_users": "hold", "memory_path": "m.db"}, "with_users"),
    "no place": ({"report_path": "/proc/x/report.json"}, "/proc/x"),
    "slots": ({"slots": 0}, "slots is 0"),
    "batch": ({"batch": "../x"}, "batch is '../x'"),
    "enabled": ({"enabled": False, "batch": 1}, "stop the stream"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_one_line_before_any_task(
    name: str, spark: SparkSession, tmp_path: Path
) -> None:
    config, problem = WRONG[name]

    def touch(batches: Any) -> Any:
        (tmp_path / "touched").touch()
        yield from batches

    df = frame_of(spark, [nami.impression(1)])
    touched = df.mapInArrow(touch, df.schema)
    with pytest.raises(ConfigurationError, match=problem) as caught:
        deliver(touched, **in_folder(tmp_path, **config))

    assert len(str(caught.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ("1 as a, 2 as a", "has 2 columns a"),
        ("parse_json('{}') as payload", "payload is of type VARIANT"),
    ],
)
def test_frames_that_cannot_be_read_are_one_line(
    frame: str, problem: str, spark: SparkSession, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        deliver(spark.sql(f"select {frame}"), **in_folder(tmp_path))


def test_a_frame_without_rows_of_nami_fails(
    spark: SparkSession, tmp_path: Path
) -> None:
    with pytest.raises(NothingRecognised, match="None of 9 records"):
        deliver(spark.range(9), **in_folder(tmp_path))
    assert deliver(spark.range(0), **in_folder(tmp_path)).read == 0


def test_a_job_that_fails_says_why_in_one_line_and_reports_at_least(
    rows: DataFrame, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    # Spark runs the task as often as it does.
    with ScriptedServer(*[reply(401, {"error": "Invalid API key"})] * 4) as server:
        config = in_folder(tmp_path, endpoint=server.url, api_key=API_KEY)
        with pytest.raises(DeliveryError, match="Invalid API key") as caught:
            deliver(rows.repartition(1), **config)

    assert len(str(caught.value).splitlines()) == 1
    written = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (written["outcome"], written["is_at_least"]) == ("failed", True)
    assert "at least what was done" in caplog.text
    assert len(server.received) == 4


def test_a_job_that_fails_reports_what_its_finished_tasks_delivered(
    spark: SparkSession, tmp_path: Path
) -> None:
    good = frame_of(spark, [nami.impression(number) for number in range(40)])

    def last_one_fails(batches: Any) -> Any:
        context = TaskContext.get()
        yield from batches
        if context.partitionId() == 3:
            # Those before it are done: two run at a time, and this one four times.
            raise RuntimeError("the source is lost")

    df = good.coalesce(1).repartition(4)
    with pytest.raises(PySparkException, match="the source is lost"):
        deliver(df.mapInArrow(last_one_fails, df.schema), **in_folder(tmp_path))

    written = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (written["outcome"], written["is_at_least"]) == ("failed", True)
    assert 10 <= written["delivered"] <= 30


def test_an_empty_batch_is_delivered(spark: SparkSession, tmp_path: Path) -> None:
    nothing = frame_of(spark, [nami.impression(1)]).where("false")
    report = deliver(by_user(nothing, 2), batch=1, **in_folder(tmp_path))
    assert (report.outcome, report.read) == ("complete", 0)


def test_full_outcomes_of_many_partitions_are_less_than_the_driver_takes() -> None:
    number = 20_000
    rooms = [Room.of(partition) for partition in range(number)]
    users = Distinct(1 << 12, stable_hash)
    users.add(map(str, range(4_000)))
    of_one = len(pickle.dumps(users)) / 4_000

    taken = sum(room.reject_bytes + room.users * of_one for room in rooms)

    assert taken < 0.75 * (1 << 30)
    assert all(room.users >= 256 for room in rooms)


def test_settings_come_from_the_environment_where_they_are_not_given(
    rows: DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{OURS}API_KEY", API_KEY)
    monkeypatch.setenv(f"{OURS}EVENT_PREFIX", "from outside ")
    with LocalAmplitude(tmp_path / "amplitude.db", keys=[API_KEY]) as local:
        config = in_folder(tmp_path, endpoint=local.endpoint("http_v2"))
        deliver(rows, **config, event_prefix="Nami ")
        assert set(local.summary().events) == {"Nami device.impression"}


def test_no_key_is_in_the_event_log_the_plan_or_an_exception(
    spark: SparkSession, spark_folder: Path, rows: DataFrame, tmp_path: Path
) -> None:
    key, sandbox = "5ec2e7" * 5, "5a4db0" * 5
    config = in_folder(tmp_path, endpoint="http://127.0.0.1:9/", retry_for=0)
    with pytest.raises(DeliveryError) as caught:
        deliver(rows, api_key=key, sandbox_api_key=sandbox, **config)
    deliver(rows, api_key=key, **in_folder(tmp_path))
    spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()

    chain: list[BaseException | None] = [caught.value, caught.value.__cause__]
    logs = [path for path in spark_folder.rglob("*") if path.is_file()]
    written = [path.read_text("utf-8", "replace") for path in logs]
    assert any("MapInArrow" in text for text in written)
    for text in [*map(str, chain), *written]:
        assert key not in text
        assert sandbox not in text


def test_the_rate_is_shared_out_over_the_tasks_that_run_at_a_time(
    spark: SparkSession, rows: DataFrame
) -> None:
    paced = Settings.load({"api_key": API_KEY, "max_events_per_second": 100})
    free = Settings.load({"api_key": API_KEY})
    cores = spark.sparkContext.defaultParallelism
    assert cores == 2

    assert slots_of(by_user(rows, 1), paced, None) == 1
    text = rows.select(f.to_json(f.struct("*")).alias("payload"))
    assert slots_of(by_user(text, 1), paced, None) == 1
    assert slots_of(by_user(rows, 64), paced, None) == cores
    assert slots_of(rows, paced, None) == cores  # nobody knows before
    assert slots_of(rows, paced, 5) == 5
    assert slots_of(rows, free, None) == 1


def test_the_outcome_of_a_pickled_row_is_no_column_of_the_user(
    spark: SparkSession, tmp_path: Path
) -> None:
    df = frame_of(spark, [nami.impression(1, outcome="mine")])
    assert deliver(df.withColumn("n", f.lit(1)), **in_folder(tmp_path)).delivered == 1
