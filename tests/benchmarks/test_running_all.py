"""All benchmarks in a row: what is kept when one of them fails."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from benchmarks import __main__ as running_all
from benchmarks import results
from benchmarks.results import Origin, Result, Results, Row

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ORIGIN = Origin({"cpu": "A Processor"}, "v1.0.0", is_quick=True)


def test_where_one_fails_the_others_are_measured_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure_apart(name: str, *_: Any, **__: Any) -> Result:
        if name == "start":
            raise OSError("no room on the disk")
        return Result("Made up.", [Row(name, 1.0)])

    monkeypatch.setattr(running_all, "_measure_apart", measure_apart)
    path = tmp_path / "results.json"

    failed = running_all.measure(
        ["memory", "start", "throughput"], Results(ORIGIN), path, None
    )

    assert failed == ["start"]
    assert list(results.load(path).parts) == ["throughput", "memory"]


def test_a_process_that_is_killed_fails_its_benchmark_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running_all, "measure_in", _end)
    path = tmp_path / "results.json"

    assert running_all.measure(["start"], Results(ORIGIN), path, None) == ["start"]
    assert not path.exists()


def _end(*_: object) -> None:
    os._exit(1)
