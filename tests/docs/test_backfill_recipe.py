"""The recipes for history and streams do what their pages say, with real engines."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pytest
from pyarrow import parquet

from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami
from tests.support.environment import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
RECIPES: Final = ROOT / "docs" / "recipes"
DAYS: Final = ("2026-03-30", "2026-03-31", "2026-04-01")
EVENTS_A_DAY: Final = 40


def blocks(page: str, kind: str) -> list[str]:
    text = (RECIPES / f"{page}.md").read_text("utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def without_set_up(script: str) -> str:
    """Return a block without what installs packages or gives a key."""
    lines = script.splitlines()
    return "\n".join(x for x in lines if not x.startswith(("pip ", "export ")))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like a clone of the repository, with some days of events."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for number, day in enumerate(DAYS):
        folder = tmp_path / "events" / f"day={day}"
        folder.mkdir(parents=True)
        rows = [
            nami.impression(number * EVENTS_A_DAY + n, created_date=f"{day}T08:00:00Z")
            for n in range(EVENTS_A_DAY)
        ]
        parquet.write_table(pa.Table.from_pylist(rows), folder / "part-0.parquet")
    return tmp_path


@pytest.fixture
def amplitude(tmp_path: Path) -> Iterator[LocalAmplitude]:
    with LocalAmplitude(tmp_path / "amplitude.db") as local:
        yield local


def run(script: str, folder: Path, programs: Path, **more: str) -> str:
    """Run a script with the programs of an environment first, and return its output."""
    path = os.pathsep.join(
        map(str, [programs, Path(sys.executable).parent, os.defpath])
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        check=False,
        cwd=folder,
        env=clean_environment({"PATH": path, **more}),
        text=True,
        timeout=250,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def environment(name: str, program: str) -> Path:
    """Return where the programs of an engine's own environment are."""
    folder = ROOT / name / "bin"
    if not (folder / program).exists():
        reason = f"{program} is not here: make {name}/.installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return folder


def target_of(local: LocalAmplitude) -> dict[str, str]:
    """Return the variables that send a delivery to a local Amplitude."""
    return {
        "TARGET_AMPLITUDE_NAMI_API_KEY": "key",
        "TARGET_AMPLITUDE_NAMI_ENDPOINT": local.endpoint("batch"),
    }


def test_load_delivers_the_days_that_the_page_names(
    clone: Path, amplitude: LocalAmplitude
) -> None:
    [settings] = blocks("backfill", "json")
    (clone / "load.json").write_text(settings)
    _, script, _, _ = blocks("backfill", "sh")
    programs = Path(sys.executable).parent

    run(without_set_up(script), clone, programs, **target_of(amplitude))

    assert amplitude.summary().total == 3 * EVENTS_A_DAY
    report = json.loads((clone / "history" / "report.json").read_text("utf-8"))
    assert report["delivered"] == 3 * EVENTS_A_DAY


@pytest.mark.slow
def test_dagster_delivers_the_day_that_it_is_told(
    clone: Path, amplitude: LocalAmplitude
) -> None:
    day = re.findall(r"--partition (\S+)", blocks("backfill", "sh")[3])[0]
    script = blocks("backfill", "sh")[3].replace(day, DAYS[1])

    said = run(
        script,
        clone,
        environment(".dagster", "dagster"),
        AMPLITUDE_API_KEY="key",
        AMPLITUDE_ENDPOINT=amplitude.endpoint("batch"),
        DAGSTER_HOME=str(_dagster_home(clone)),
        NAMI_EVENTS=str(clone / "events"),
        NAMI_FIRST_DAY=DAYS[0],
    )

    assert "RUN_SUCCESS" in said
    assert amplitude.summary().total == EVENTS_A_DAY


def _dagster_home(folder: Path) -> Path:
    home = folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return home


@pytest.mark.spark
@pytest.mark.timeout(600)
def test_spark_delivers_the_days_that_it_is_told(
    clone: Path, amplitude: LocalAmplitude
) -> None:
    script = without_set_up(blocks("backfill", "sh")[2])
    timeless = pa.Table.from_pylist([nami.impression(999, created_date="soon")])
    parquet.write_table(
        timeless, clone / "events" / f"day={DAYS[0]}" / "part-1.parquet"
    )

    said = run(
        script.replace("2026-03-01 2026-06-01", f"{DAYS[0]} {DAYS[2]}"),
        clone,
        environment(".spark", "spark-submit"),
        NAMI_PARTITIONS="2",
        **target_of(amplitude),
    )

    events = 2 * EVENTS_A_DAY
    became = f"{events} delivered, 0 filtered, 1 rejected"
    assert f"{events + 1} records read: {became}" in said
    assert amplitude.summary().total == 2 * EVENTS_A_DAY


@pytest.mark.spark
@pytest.mark.timeout(600)
def test_a_stream_delivers_in_each_run_what_is_new(
    clone: Path, amplitude: LocalAmplitude
) -> None:
    script = without_set_up("".join(blocks("spark-stream", "sh")))
    programs = environment(".spark", "spark-submit")
    (clone / "webhooks").mkdir()
    for number in range(2):
        webhooks = [nami.subscription(10 * number + n) for n in range(10)]
        lines = "".join(json.dumps(webhook) + "\n" for webhook in webhooks)
        (clone / "webhooks" / f"{number}.jsonl").write_text(lines)

        said = run(script, clone, programs, NAMI_PARTITIONS="2", **target_of(amplitude))

        assert f"batch {number}: 10 records read: 10 delivered" in said
    assert amplitude.summary().total == 20
