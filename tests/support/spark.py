"""A session of Spark for tests, and what deliveries from it left behind."""

from __future__ import annotations

import gzip
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pyarrow as pa
from pyspark.sql import SparkSession

from target_amplitude_nami import EncodedEvent, EventBuilder
from target_amplitude_nami.spark import deliver
from tests.support import singer
from tests.support.run_target import run_target

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pyspark.sql import DataFrame

    from target_amplitude_nami import Settings

ROOT: Final = Path(__file__).parents[2]
_DATA: Final = ROOT / "examples" / "data"


def session(master: str, folder: Path, **config: str) -> SparkSession:
    """Start a session that listens on this machine alone, or return the one there is.

    Args:
        master: As `local[2]`.
        folder: Takes the event log and whatever Spark leaves behind.
        config: Further configuration, with `__` for each dot.
    """
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # What imports tests in a worker finds them, too.
    os.environ["PYTHONPATH"] = str(ROOT)
    (folder / "event-log").mkdir(parents=True, exist_ok=True)
    # Each job is small and unlike all others, so that compiling takes longest.
    settings = {
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.codegen.wholeStage": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": (folder / "event-log").as_uri(),
        "spark.eventLog.enabled": "true",
        "spark.log.level": "ERROR",
        "spark.sql.shuffle.partitions": "3",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    } | {name.replace("__", "."): value for name, value in config.items()}
    builder = SparkSession.builder.master(master).config(map=settings)
    started: SparkSession = builder.getOrCreate()
    return started


def frame_of(spark: SparkSession, rows: list[dict[str, Any]]) -> DataFrame:
    """Return rows as a frame, whose types follow from them."""
    return spark.createDataFrame(pa.Table.from_pylist(with_all_columns(rows)))


def with_all_columns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows that all have the same columns, null where they had none."""
    columns = dict.fromkeys(name for row in rows for name in row)
    return [dict.fromkeys(columns) | row for row in rows]


def sample() -> list[dict[str, Any]]:
    """Return the events of the sample, each once."""
    return list({row["id"]: row for row in _lines("webhooks-*")}.values())


def sample_users() -> list[dict[str, Any]]:
    """Return the user records of the sample."""
    return list(_lines("users.*"))


def _lines(files: str) -> Iterable[dict[str, Any]]:
    for path in sorted(_DATA.glob(files)):
        with gzip.open(path) as lines:
            for line in lines:
                yield msgspec.json.decode(line)


class _Body(msgspec.Struct):
    events: list[msgspec.Raw]


_events_of: Final = msgspec.json.Decoder(_Body).decode


def events_in(bodies: Iterable[bytes]) -> Counter[bytes]:
    """Return the bytes of each event in request bodies, and how often they are there.

    Args:
        bodies: As the lines of a dry run's file.
    """
    return Counter(bytes(e) for body in bodies for e in _events_of(body).events)


def dry_run_into(folder: Path) -> dict[str, Any]:
    """Return the settings of a delivery that sends nothing."""
    return {
        "dry_run": True,
        "dry_run_path": str(folder / "dry-run.jsonl"),
        "rejects_path": str(folder / "rejects.singer"),
    }


def delivered_by_dry_run(df: DataFrame, folder: Path) -> Counter[bytes]:
    """Return the events that a delivery of a frame would send."""
    folder.mkdir(exist_ok=True)
    deliver(df, **dry_run_into(folder))
    return dry_run_in(folder)


def dry_run_in(folder: Path) -> Counter[bytes]:
    """Return the events in all files of dry runs in a folder."""
    files = sorted(folder.glob("dry-run*.jsonl"))
    return events_in(line for path in files for line in path.read_bytes().splitlines())


def built(rows: Iterable[Mapping[str, Any]], settings: Settings) -> Counter[bytes]:
    """Return the bytes of the event that each row makes by itself."""
    builder = EventBuilder(settings)
    events = [builder.build(row) for row in rows]
    return Counter(event.body for event in events if isinstance(event, EncodedEvent))


def singer_run(folder: Path, rows: Iterable[dict[str, Any]]) -> Counter[bytes]:
    """Return the events that a run of the target makes of rows, in a dry run."""
    config = {
        "dry_run": True,
        "dry_run_path": "dry-run.jsonl",
        "stale_user_properties": "send",
    }
    done = run_target(folder, config, singer.records("records", list(rows)))
    assert done.exit_code == 0, done.log
    return dry_run_in(folder)
