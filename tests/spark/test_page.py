"""The examples of docs/spark.md run, one after the other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.queries.reader import Reader
from tests.support import nami
from tests.support.spark import ROOT, frame_of
from tests.support.spark_job import write_files

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

BLOCKS = re.findall(
    r"(?ms)^```python\n(.*?)^```", (ROOT / "docs" / "spark.md").read_text("utf-8")
)


def test_the_examples_run(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    anonymous = nami.impression(1, user_id=nami.user(1)["user_id"])
    # As Spark's own folder is another one, it is given whole paths.
    files = {name: str(tmp_path / name) for name in ("events.parquet", "users.parquet")}
    frame_of(spark, [anonymous]).write.parquet(files["events.parquet"])
    frame_of(spark, [nami.user(1)]).write.parquet(files["users.parquet"])
    write_files(tmp_path, 2, 5)
    (tmp_path / "input").rename(tmp_path / "incoming")
    names: dict[str, Any] = {}
    for block in BLOCKS:
        for name in (*files, "incoming", "checkpoint", "dry-run.jsonl"):
            block = block.replace(f'"{name}"', f'"{tmp_path / name}"')  # noqa: PLW2901
        exec(block, names)  # noqa: S102 - the project's own page

    assert names["report"].delivered == 1
    assert len(list(tmp_path.glob("dry-run-*.jsonl"))) == 1
    # The first block's event and the second's are one to Amplitude: only the device
    # identifies it. The stream has it among its ten.
    assert Reader(tmp_path / "amplitude.db").summary().total == 10
