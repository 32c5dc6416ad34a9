"""A session of Spark for all tests of this folder, in `.spark` alone."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

if importlib.util.find_spec("pyspark") is None:  # as in .venv
    collect_ignore_glob = ["*"]
else:
    from tests.support.spark import session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session leaves its event log."""
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="session")
def spark(spark_folder: Path) -> Iterator[SparkSession]:
    """A session with two tasks at a time; a failed one is run again."""
    started = session("local[2,4]", spark_folder)
    yield started
    started.stop()
