"""Jobs that tests run in a process of their own, to kill parts of it.

python -m tests.support.spark_job NAME '{"arguments": …}'
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

from pyspark import TaskContext

from target_amplitude_nami.spark import by_user, delivery
from target_amplitude_nami.spark.task import task_of
from tests.support import nami
from tests.support.run_target import API_KEY
from tests.support.spark import frame_of, session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa
    from pyspark.sql import DataFrame

_LONGEST_WAIT: Final = 300
EVENTS: Final = 300


def first_time(marks: Path, name: str) -> bool:
    """Return whether nobody has called this with these before, and note who does."""
    try:
        with (marks / name).open("x") as file:
            file.write(f"{os.getpid()} {os.getppid()}")
    except FileExistsError:
        return False
    return True


def once_delivered(
    strike: Callable[[Path], None], marks: Path
) -> Callable[..., Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]]:
    """Return `task_of` with a fault in the first try of the first partition.

    All requests of that try have been accepted by then.
    """

    def make(*arguments: Any) -> Any:
        run = task_of(*arguments)

        def struck(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            outcomes = list(run(batches))
            context = TaskContext.get()
            if context.partitionId() == 0:
                if first_time(marks, "first"):
                    strike(marks)
                first_time(marks, f"again-{context.taskAttemptId()}")
            yield from outcomes

        return struck

    return make


def fail(_marks: Path) -> None:
    """Fail as a task does."""
    raise RuntimeError("the task is lost")


def kill_executor(marks: Path) -> None:
    """Kill the process that this worker's daemon belongs to: an executor."""
    status = Path(f"/proc/{os.getppid()}/status").read_text("utf-8")
    [parent] = [line.split()[1] for line in status.splitlines() if "PPid" in line]
    (marks / "executor").write_text(parent)
    os.kill(int(parent), signal.SIGKILL)
    threading.Event().wait(_LONGEST_WAIT)


def hang(_marks: Path) -> None:
    """Wait to be killed, as another try is done."""
    threading.Event().wait(_LONGEST_WAIT)


STRIKES: Final = {"fail": fail, "kill": kill_executor, "hang": hang}


def run_batch(
    *, master: str, folder: str, endpoint: str, strike: str, config: dict[str, str]
) -> None:
    """Deliver a frame, with a fault in its first partition, and print the report."""
    where = Path(folder)
    spark = session(master, where, **config)
    rows = [nami.impression(number) for number in range(EVENTS)]
    df = by_user(frame_of(spark, rows), 4)
    with mock.patch.object(delivery, "task_of", once_delivered(STRIKES[strike], where)):
        report = delivery.deliver(
            df,
            api_key=API_KEY,
            endpoint=endpoint,
            rejects_path=str(where / "rejects.singer"),
        )
    driver = spark._jvm.java.lang.ProcessHandle.current().pid()
    print(json.dumps({"delivered": report.delivered, "driver": driver}))  # noqa: T201
    spark.stop()


def run_stream(*, folder: str, endpoint: str, dies: bool) -> None:
    """Deliver a stream of files, one a batch, until there are no more.

    Args:
        folder: Holds the files in `input`, and takes the checkpoint.
        endpoint: Where events go.
        dies: Whether the driver dies once the second batch is delivered.
    """
    where = Path(folder)
    spark = session("local[2]", where)
    java = spark._jvm.java.lang.ProcessHandle.current().pid()

    def take(df: DataFrame, batch: int) -> None:
        delivery.deliver(
            by_user(df, 2),
            batch=batch,
            api_key=API_KEY,
            endpoint=endpoint,
            rejects_path=str(where / "rejects.singer"),
        )
        if dies and batch == 1:
            for process in (java, os.getpid()):
                os.kill(process, signal.SIGKILL)

    start_stream(spark, where, take).awaitTermination()
    spark.stop()


def start_stream(spark: Any, folder: Path, take: Callable[..., None]) -> Any:
    """Start a stream over the files of a folder, one a batch, until all are read."""
    return (
        spark.readStream.schema("payload string")
        .option("maxFilesPerTrigger", "1")
        .json(str(folder / "input"))
        .writeStream.foreachBatch(take)
        .trigger(availableNow=True)
        .option("checkpointLocation", str(folder / "checkpoint"))
        .start()
    )


def write_files(folder: Path, count: int, rows: int) -> None:
    """Write the files that a stream reads, each with rows of its own."""
    (folder / "input").mkdir()
    for file in range(count):
        lines = [
            json.dumps({"payload": json.dumps(nami.impression(rows * file + n))})
            for n in range(rows)
        ]
        (folder / "input" / f"{file}.json").write_text("\n".join(lines))


if __name__ == "__main__":
    jobs: dict[str, Callable[..., None]] = {"batch": run_batch, "stream": run_stream}
    jobs[sys.argv[1]](**json.loads(sys.argv[2]))
