"""Results: of one commit and one machine, or refused; and the texts made of them."""

from __future__ import annotations

import dataclasses
import functools
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks import floors, goals, readme, results
from benchmarks.goals import GOALS
from benchmarks.results import Origin, Result, Results, ResultsError, Row
from benchmarks.running import ROOT

if TYPE_CHECKING:
    from pathlib import Path

MACHINE = {
    "cpu": "A Processor",
    "cpus": 2,
    "memory_gib": 8,
    "system": "Debian, Linux 6.1",
    "python": "3.11.7",
    "versions": {"msgspec": "0.22.0"},
}
ORIGIN = Origin(MACHINE, "v1.0-3-gabcdef0", is_quick=False)


def made_up(**figures: dict[str, float]) -> Results:
    """Return results with these figures, by benchmark."""
    parts = {
        part: Result("Made up.", [Row(what, figure) for what, figure in rows.items()])
        for part, rows in figures.items()
    }
    return Results(ORIGIN, parts)


def every_goal(*, better_by: float) -> Results:
    """Return results in which each figure is so many times as good as its goal."""
    figures: dict[str, dict[str, float]] = {}
    for goal in GOALS:
        times = better_by if goal.sign == "≥" else 1 / better_by
        figures.setdefault(goal.part, {})[goal.what] = goal.value * times
    return made_up(**figures)


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    row = Row("target, usual", 12_345.0, " events/s", "80 µs")
    written = Results(ORIGIN, {"throughput": Result("Says.", [row], {"x": [1, 2]})})
    written.save(tmp_path / "results.json")

    assert results.load(tmp_path / "results.json") == written


@pytest.mark.parametrize(
    "changed",
    [
        {"commit": "v1.0-4-g1234567"},
        {"machine": MACHINE | {"cpu": "Another Processor"}},
        {"machine": MACHINE | {"python": "3.14.0"}},
        {"is_quick": True},
    ],
    ids=["commit", "processor", "Python", "small inputs"],
)
def test_figures_of_two_origins_do_not_go_into_one_file(
    tmp_path: Path, changed: dict[str, Any]
) -> None:
    path = tmp_path / "results.json"
    made_up(throughput={"target, usual": 1.0}).save(path)

    with pytest.raises(ResultsError, match="two machines or commits"):
        results.to_be_continued(path, dataclasses.replace(ORIGIN, **changed))


def test_figures_of_one_origin_are_added_to_each_other(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    earlier = made_up(throughput={"target, usual": 1.0})
    earlier.save(path)

    assert results.to_be_continued(path, ORIGIN) == earlier
    assert results.to_be_continued(tmp_path / "none", ORIGIN) == Results(ORIGIN)


def test_only_a_quick_run_measures_what_is_not_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = functools.partial(git_in, tmp_path)
    code, readme_file = tmp_path / "code.py", tmp_path / "benchmarks" / "README.md"
    readme_file.parent.mkdir()
    for path in (code, readme_file):
        path.write_text("once", "utf-8")
    git("init")
    git("add", ".")
    git("commit", "--message", "Begin")
    git("tag", "--annotate", "v1.0.0", "--message", "v1.0.0")
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(results, "machine_here", lambda: MACHINE)
    readme_file.write_text("as a run of the benchmarks leaves it", "utf-8")

    assert results.origin_here(is_quick=False).commit == "v1.0.0"

    code.write_text("twice", "utf-8")
    with pytest.raises(ResultsError, match=r"M code\.py"):
        results.origin_here(is_quick=False)
    assert results.origin_here(is_quick=True).commit == "v1.0.0-changed"


def test_the_commit_is_the_last_one_that_changed_what_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "ROOT", tmp_path)
    git_in(tmp_path, "init")
    commit(tmp_path / "target_amplitude_nami" / "run.py")
    measured = results.origin_here(is_quick=False).commit
    commit(tmp_path / "docs" / "page.md")

    assert results.origin_here(is_quick=False).commit == measured


def git_in(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(
        ("git", *who, *arguments), cwd=folder, check=True, capture_output=True
    )


def commit(path: Path) -> None:
    """Commit a new file of a repository, in a folder of it."""
    path.parent.mkdir()
    path.write_text("once", "utf-8")
    repository = path.parents[1]
    git_in(repository, "add", ".")
    git_in(repository, "commit", "--message", f"Add {path.name}")


def test_goals_that_are_reached_need_no_words() -> None:
    table = goals.table(every_goal(better_by=1.1))

    assert table.count("\n| ") == len(GOALS)
    assert "was reached" not in table
    assert "left out" not in table


def test_a_goal_that_is_not_reached_says_by_what_it_is_bounded() -> None:
    table = goals.table(every_goal(better_by=0.5))

    for goal in GOALS:
        assert f"What bounds it is {goal.bound}." in table
    assert (
        "As fast as Amplitude's own Python client: 2.5 times was reached, of at least "
        "5 times." in table
    )
    assert "Memory, however long the input: 300 MB was reached, of at most" in table
    assert "not met" not in table


def test_what_was_not_measured_is_named() -> None:
    table = goals.table(made_up(memory={"highest peak": 120.0}))

    assert "| memory, however long the input | 120 MB | at most 150 MB |" in table
    assert "left out: `throughput`, `meltano`, `lanes`, " in table


def test_the_summary_says_speed_cost_and_when_to_use_more() -> None:
    found = made_up(
        throughput={
            "target, usual": 24_560.0,
            "target / amplitude-analytics, usual": 5.2,
            "target / plain SDK target, usual": 9.0,
            "CPU for a million events, usual": 41.0,
            "bytes sent for an event, usual": 150.0,
        },
        start={"start to first request, CPU": 0.5},
        partitions={"load: 2 processors / 1": 1.8},
    )

    assert readme.summary(found) == (
        "**One process delivers about 25,000 events a second**, 5.2 times as many as "
        "Amplitude's own Python client and 9 times as many as a plain target of the "
        "Singer SDK. **A million events cost 41 s of CPU** and 150 MB of traffic, "
        "and a run costs 0.5 s more to start: an hour with 10,000 events takes 0.91 "
        "s. **One process is enough up to 88 million events an hour**; for history "
        "in Parquet files, `amplitude-nami load --workers N` uses N processors (two "
        "were 1.8 times as fast as one), and Spark is for data that it reads anyway, "
        "or that need more than one machine.\n"
    )


def test_the_readme_keeps_what_stands_between_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_bytes((ROOT / "benchmarks" / "README.md").read_bytes())
    readme.write(path, every_goal(better_by=1.1))
    once = path.read_text("utf-8")
    readme.write(path, every_goal(better_by=1.1))

    assert path.read_text("utf-8") == once
    assert "Measured at commit v1.0-3-gabcdef0, on 2 processors (A Processor)" in once
    assert "## How to read it" in once


@pytest.mark.parametrize(
    ("now", "is_well"), [(5.1, True), (4.0, True), (3.9, False), (-1.0, False)]
)
def test_a_figure_may_fall_by_a_fifth(now: float, is_well: bool) -> None:  # noqa: FBT001 - a case of the table
    what = "target / amplitude-analytics, CPU"
    reached = made_up(floors={what: 5.0})

    [line], found = floors.verdicts(reached, Result("", [Row(what, now)]))

    assert found is is_well
    assert line.startswith("ok" if is_well else "TOO SLOW")
    assert f"{what}: {now:.3g}, the floor is 4" in line


def test_a_figure_below_its_floor_names_what_was_reached_and_where_to_look() -> None:
    what = "with memory_path / without, CPU"
    reached = made_up(floors={what: 0.7})

    [line], _ = floors.verdicts(reached, Result("", [Row(what, 0.3)]))

    assert line == (
        "TOO SLOW  with memory_path / without, CPU: 0.3, the floor is 0.56, as 0.7 was "
        "reached at v1.0-3-gabcdef0. Look closer: make benchmarks "
        "BENCHMARKS='store --quick'"
    )


def test_without_a_figure_there_is_no_floor() -> None:
    measured = Result("", [Row("BATCH / stdin, CPU", 1.0)])

    with pytest.raises(ResultsError, match="make benchmarks"):
        floors.verdicts(made_up(), measured)
