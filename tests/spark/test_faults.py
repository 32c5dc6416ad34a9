"""Nothing is lost or counted twice when parts of Spark fail."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyspark
import pytest

from target_amplitude_nami.spark import by_user, deliver
from tests.support.run_target import API_KEY
from tests.support.spark import ROOT
from tests.support.spark_job import EVENTS, start_stream, write_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession

    from target_amplitude_nami.local.server import LocalAmplitude

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]

SPARK_CLASS: Final = Path(pyspark.__file__).parent / "bin" / "spark-class"
ENVIRONMENT: Final = os.environ | {
    "PYSPARK_PYTHON": sys.executable,
    "PYTHONPATH": str(ROOT),
    # pip's layout has no folder of jars to tell it from.
    "SPARK_SCALA_VERSION": "2.13",
    "SPARK_LOCAL_IP": "127.0.0.1",
}


def run(job: str, **arguments: Any) -> subprocess.CompletedProcess[str]:
    """Run a job of `tests.support.spark_job` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.spark_job", job, json.dumps(arguments)],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )


def run_batch(
    master: str,
    strike: str,
    folder: Path,
    amplitude: LocalAmplitude,
    **config: str,
) -> dict[str, int]:
    """Deliver with a fault, and return what the driver printed."""
    done = run(
        "batch",
        master=master,
        strike=strike,
        folder=str(folder),
        endpoint=amplitude.endpoint("http_v2"),
        config=config,
    )
    assert done.returncode == 0, done.stderr[-5_000:]
    printed: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return printed


def expect_each_once(amplitude: LocalAmplitude, count: int) -> None:
    """Make sure that events were sent again, and that each is there once."""
    assert amplitude.summary().total == count
    assert amplitude.summary().duplicates > 0


def test_a_task_that_fails_after_its_requests_were_accepted_is_run_again(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    done = run_batch("local[2,4]", "fail", tmp_path, local_amplitude)

    assert done["delivered"] == EVENTS
    expect_each_once(local_amplitude, EVENTS)


def test_a_killed_executor_loses_and_doubles_nothing(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    done = run_batch("local-cluster[2,1,1024]", "kill", tmp_path, local_amplitude)

    assert done["delivered"] == EVENTS
    expect_each_once(local_amplitude, EVENTS)
    killed = int((tmp_path / "executor").read_text())
    assert killed != done["driver"]
    assert not Path(f"/proc/{killed}").exists()


@contextlib.contextmanager
def started(name: str, *arguments: str, log: Path) -> Iterator[None]:
    """Have a part of a standalone cluster run."""
    with log.open("w") as file:
        part = subprocess.Popen(
            [SPARK_CLASS, f"org.apache.spark.deploy.{name}", *arguments],
            env=ENVIRONMENT | {"SPARK_DAEMON_MEMORY": "512m"},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            yield
        finally:
            part.kill()
            part.wait()


def address_in(log: Path) -> str:
    """Wait until the master has a port, and return its address."""
    with subprocess.Popen(
        ["tail", "--lines=+1", "--follow", log], stdout=subprocess.PIPE, text=True
    ) as tail:
        assert tail.stdout is not None
        for line in tail.stdout:
            if found := re.search(r"Starting Spark master at (spark://\S+)", line):
                tail.kill()
                return found[1]
    raise AssertionError


def test_speculation_loses_and_doubles_nothing(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    log = tmp_path / "master.log"
    with contextlib.ExitStack() as cluster:
        master = ("--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        cluster.enter_context(started("master.Master", *master, log=log))
        address = address_in(log)
        for host in ("127.0.0.1", "127.0.0.2"):
            worker = ("--host", host, "--cores", "1", "--memory", "1g")
            places = ("--webui-port", "0", "--work-dir", str(tmp_path / host))
            cluster.enter_context(
                started(
                    "worker.Worker",
                    *worker,
                    *places,
                    address,
                    log=tmp_path / f"{host}.log",
                )
            )
        done = run_batch(
            address,
            "hang",
            tmp_path,
            local_amplitude,
            spark__speculation="true",
            spark__speculation__interval="100ms",
            spark__speculation__quantile="0.5",
            spark__speculation__minTaskRuntime="1s",
            spark__executor__memory="512m",
        )

    assert done["delivered"] == EVENTS
    assert list(tmp_path.glob("again-*"))
    expect_each_once(local_amplitude, EVENTS)


def test_a_stream_that_an_exception_has_stopped_goes_on(
    spark: SparkSession, tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    write_files(tmp_path, 3, 20)
    lost = True

    def take(df: DataFrame, batch: int) -> None:
        deliver(
            by_user(df, 2),
            batch=batch,
            api_key=API_KEY,
            endpoint=local_amplitude.endpoint("http_v2"),
            rejects_path=str(tmp_path / "rejects.singer"),
        )
        if lost and batch == 1:
            raise RuntimeError("the driver is lost")

    with pytest.raises(pyspark.errors.StreamingQueryException, match="is lost"):
        start_stream(spark, tmp_path, take).awaitTermination()
    assert local_amplitude.summary().total == 40
    lost = False
    start_stream(spark, tmp_path, take).awaitTermination()

    expect_each_once(local_amplitude, 60)


def test_a_stream_whose_driver_was_killed_goes_on(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    write_files(tmp_path, 3, 20)
    endpoint = local_amplitude.endpoint("http_v2")

    killed = run("stream", folder=str(tmp_path), endpoint=endpoint, dies=True)

    assert killed.returncode == -9, killed.stderr[-5_000:]
    checkpoint = tmp_path / "checkpoint"
    assert (checkpoint / "offsets" / "1").exists()
    assert not (checkpoint / "commits" / "1").exists()
    done = run("stream", folder=str(tmp_path), endpoint=endpoint, dies=False)
    assert done.returncode == 0, done.stderr[-5_000:]
    expect_each_once(local_amplitude, 60)
