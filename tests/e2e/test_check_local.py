"""`amplitude-nami check --local` as a real process: what a run has sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.local.queries.reader import Reader
from tests.local.bench import Bench
from tests.local.queries.findings.finding_out import about_user, paid
from tests.support.nami import subscription
from tests.support.run_command import run_command
from tests.support.run_target import API_KEY, run_target
from tests.support.singer import records

if TYPE_CHECKING:
    from pathlib import Path

FINE = [about_user()]
WARNED = [about_user(), paid(), paid(env="sandbox")]
WRONG = [paid(revenue=5)]


def fill(path: Path, *events: object) -> None:
    bench = Bench(path)
    bench.send(*events)
    bench.store.close()


@pytest.mark.parametrize(
    ("events", "exit_code", "begins"),
    [
        (FINE, 0, "✓ Every user event carries a user id."),
        (WARNED, 0, "! 1 test purchase of the stores' sandbox is among"),
        (WRONG, 1, "✗ 1 event names revenue without a currency"),
        ([], 1, "✗ No event has arrived"),
    ],
)
def test_it_ends_with_1_for_a_problem_and_with_0_for_less(
    tmp_path: Path, events: list[object], exit_code: int, begins: str
) -> None:
    fill(tmp_path / "local.db", *events)
    run = run_command(tmp_path, "check", "--local", "local.db")
    assert (run.exit_code, run.stderr) == (exit_code, "")
    assert run.lines[0].startswith(begins)
    as_json = run_command(tmp_path, "check", "--local", "local.db", "--json")
    assert as_json.exit_code == exit_code
    assert as_json.json["ok"] == (exit_code == 0)
    assert set(as_json.json) == {"ok", "file", "findings", "good"}


def test_it_finds_the_report_and_the_rejects_of_the_run_without_a_key(
    tmp_path: Path,
) -> None:
    config = {
        "endpoint": "local",
        "local_path": "local.db",
        "min_id_length": 40,
        "report_path": "report.json",
    }
    sent = b"".join(records("events", [subscription(1), subscription(2)]))
    assert run_target(tmp_path, config, sent).report["rejected"] == 2
    run = run_command(tmp_path, "check", "--local", "local.db", "--json")
    [found] = [e for e in run.json["findings"] if e["key"] == "records_rejected"]
    assert (found["count"], found["of"], found["severity"]) == (2, 2, "problem")
    assert "`user_id_too_short (2)`" in found["text"]
    assert API_KEY not in run.stdout
    assert API_KEY.encode() not in (tmp_path / "local.db").read_bytes()


def test_files_can_be_named(tmp_path: Path) -> None:
    fill(tmp_path / "local.db", *FINE)
    (tmp_path / "report.json").write_text(json.dumps({"read": 1}))
    options = ("--report", "report.json", "--rejects", "nowhere.singer")
    run = run_command(tmp_path, "check", "--local", "local.db", *options)
    assert run.exit_code == 0
    assert "! `report.json` cannot be read as the report of a run" in run.stdout
    assert "! `nowhere.singer` cannot be read as the rejects of a run" in run.stdout


def test_another_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary, nothing of this may be lost.")
    run = run_command(tmp_path, "check", "--local", "notes.txt")
    assert (run.exit_code, run.stdout) == (1, "")
    assert run.stderr == (
        "amplitude-nami check: notes.txt cannot be read (file is not a database)\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--local", "local.db", "--online"),
        ("--local", "local.db", "--stdin"),
        ("--local", "local.db", "--input", "input.singer"),
        ("--rejects", "rejects.singer"),
        ("--report", "report.json"),
        ("--local", "missing.db"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    fill(tmp_path / "local.db", *FINE)
    assert run_command(tmp_path, "check", *arguments).exit_code == 2
    assert Reader(tmp_path / "local.db").summary().total == 1
