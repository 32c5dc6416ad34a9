"""Every example of docs/library.md runs, and does what the page says."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.support import nami

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE: Final = (Path(__file__).parents[2] / "docs" / "library.md").read_text("utf-8")
EXAMPLES: Final = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def run_example(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[int], tuple[dict[str, Any], str]]:
    """Return what runs an example of the page, and returns its names and output."""
    monkeypatch.chdir(tmp_path)

    def run(number: int) -> tuple[dict[str, Any], str]:
        names: dict[str, Any] = {}
        exec(compile(EXAMPLES[number], f"example {number}", "exec"), names)  # noqa: S102
        return names, capsys.readouterr().out

    return run


def test_records_reach_the_local_amplitude(
    run_example: Callable[[int], tuple[dict[str, Any], str]],
) -> None:
    names, output = run_example(0)

    assert output.startswith("1 record read: 1 delivered")
    assert names["rejects"] == []
    assert Path("amplitude.db").exists()


def test_rows_of_a_csv_file_are_delivered(
    run_example: Callable[[int], tuple[dict[str, Any], str]],
) -> None:
    rows = [nami.impression(1), nami.impression(2, created_date="soon")]
    with Path("events.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    _, output = run_example(1)

    assert output == "1 delivered, 1 rejected\n"
    assert nami.event_id(1) in Path("requests.jsonl").read_text()


def test_rows_of_a_parquet_file_are_delivered(
    run_example: Callable[[int], tuple[dict[str, Any], str]],
) -> None:
    rows = [nami.impression(1), nami.impression(2, created_date="soon")]
    parquet.write_table(pa.Table.from_pylist(rows), "events.parquet")
    _, output = run_example(2)

    assert output == "1 delivered, 1 rejected\n"
    assert nami.event_id(1) in Path("requests.jsonl").read_text()


def test_the_outcomes_of_partitions_add_up(
    run_example: Callable[[int], tuple[dict[str, Any], str]],
) -> None:
    _, output = run_example(3)

    assert output.startswith("1 record read: 1 delivered")
    assert Path("requests-0.jsonl").exists()


def test_the_builder_gives_bytes_alone(
    run_example: Callable[[int], tuple[dict[str, Any], str]],
) -> None:
    _, output = run_example(4)

    assert '"user_id":"035b30e2-faf4-462d-aec3-caa0fbe26c49"' in output


def test_no_example_is_left_out() -> None:
    assert len(EXAMPLES) == 5
