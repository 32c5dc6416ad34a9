"""`amplitude-nami plan` as a process: what it prints, writes and refuses."""

from __future__ import annotations

import csv
import json
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.environment import clean_environment
from tests.support.nami import impression, subscription
from tests.support.run_command import COMMAND, run_command
from tests.support.run_target import run_target
from tests.support.singer import records, schema

LOCAL: Final = {"endpoint": "local"}
SECRET: Final = "0123456789abcdef0123456789abcdef"


def write_input(folder: Path, *events: dict[str, Any]) -> Path:
    """Write Singer input."""
    path = folder / "input.singer"
    lines = [schema("events", {}), *records("events", list(events))]
    path.write_bytes(b"".join(line.rstrip(b"\n") + b"\n" for line in lines))
    return path


def mode_of(path: Path) -> int:
    """Return who may read a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_without_any_settings_it_prints_the_documented_plan(tmp_path: Path) -> None:
    run = run_command(tmp_path, "plan")
    assert (run.exit_code, run.stderr) == (0, "")
    assert run.lines[0] == "# Tracking plan"
    assert "## `user.subscription.renewed`" in run.lines
    assert list(tmp_path.iterdir()) == []


def test_records_that_would_be_rejected_are_reported(tmp_path: Path) -> None:
    write_input(tmp_path, subscription(1), subscription(2, created_date="soon"))
    run = run_command(tmp_path, "plan", "--input", "input.singer", config=LOCAL)
    assert run.exit_code == 0
    assert "could not be delivered" not in run.stderr
    assert run.stderr.endswith(
        "1 record of the input would be rejected, so the plan has nothing of it: "
        "`amplitude-nami check --input input.singer` says why.\n"
    )


def test_json_has_the_documented_keys_and_what_the_input_adds(tmp_path: Path) -> None:
    write_input(tmp_path, impression(1, arm=f"a {SECRET}"), subscription(2))
    run = run_command(
        tmp_path,
        *("plan", "--json", "--input", "input.singer", "--only-seen"),
        config={"api_key": SECRET, "event_prefix": "nami "},
    )
    assert run.exit_code == 0
    plan = run.json
    assert set(plan) == {"events", "user_properties", "notes", "left_out"}
    assert [event["name"] for event in plan["events"]] == [
        "nami device.impression",
        "nami user.subscription.renewed",
    ]
    shown = plan["events"][0]
    assert set(shown) == {
        "name",
        "nami_events",
        "description",
        "sets_user_properties",
        "fields",
        "event_properties",
        "seen",
    }
    assert shown["event_properties"] == [
        {
            "name": "arm",
            "type": "string",
            "description": "",
            "example": "a ***",
            "present": "sometimes",
            "source": "input",
            "seen": {"events": 1, "types": ["string"]},
        }
    ]
    assert len(plan["user_properties"]) == 8


def test_csv_is_two_files_that_others_may_not_read(tmp_path: Path) -> None:
    write_input(tmp_path, impression(1, arm="a", **{"=cmd": 1}))
    run = run_command(
        tmp_path,
        *("plan", "--format", "csv", "--out", "for/amplitude"),
        *("--input", "input.singer"),
        config=LOCAL,
    )
    assert (run.exit_code, run.stdout) == (0, "")
    assert "1 property left out" in run.stderr
    folder = tmp_path / "for" / "amplitude"
    events, users = folder / "events.csv", folder / "user_properties.csv"
    assert sorted(folder.iterdir()) == [events, users]
    assert {mode_of(events), mode_of(users)} == {0o600}
    with events.open(newline="") as file:
        names = [row["Event Property Name"] for row in csv.DictReader(file)]
    assert "arm" in names
    assert "=cmd" not in names


def test_without_examples_a_plan_has_no_personal_data(tmp_path: Path) -> None:
    write_input(tmp_path, impression(1, arm="Zoë"), subscription(2))
    run = run_command(
        tmp_path,
        *("plan", "--out", "plan.md", "--no-examples", "--input", "input.singer"),
        config=LOCAL,
    )
    assert run.exit_code == 0
    text = (tmp_path / "plan.md").read_text()
    assert "| `arm` | string | sometimes |  | 1 event |" in text
    assert "Zoë" not in text
    assert mode_of(tmp_path / "plan.md") & 0o400


def test_webhooks_one_a_line_may_come_by_standard_input(tmp_path: Path) -> None:
    line = json.dumps(impression(1, arm="a")).encode() + b"\n"
    arguments = ("plan", "--input", "-", "--format", "json", "--only-seen")
    run = run_command(tmp_path, *arguments, config=LOCAL, stdin=line)
    assert run.exit_code == 0
    assert [event["seen"] for event in run.json["events"]] == [1]


def test_what_was_delivered_before_is_in_the_plan_all_the_same(tmp_path: Path) -> None:
    path = write_input(tmp_path, impression(1, arm="a"))
    config = LOCAL | {"memory_path": "memory.db"}
    assert run_target(tmp_path, config, path.read_bytes()).exit_code == 0
    before = (tmp_path / "memory.db").read_bytes()

    run = run_command(
        tmp_path, "plan", "--input", "input.singer", "--only-seen", config=config
    )
    assert run.exit_code == 0
    assert "## `device.impression`" in run.lines
    assert (tmp_path / "memory.db").read_bytes() == before


def test_a_full_disk_ends_it_in_one_line(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run(
            [str(COMMAND), "plan", "--json"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
            env=clean_environment(),
        )
    assert run.returncode == 1
    assert run.stderr.decode().splitlines() == [
        "amplitude-nami plan: the output cannot be written (No space left on device)"
    ]


def test_ctrl_c_ends_it_without_half_a_plan(tmp_path: Path) -> None:
    command = [str(COMMAND), "plan", "--input", "-"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        write_input(tmp_path, *(impression(n) for n in range(200)))
        process.stdin.write((tmp_path / "input.singer").read_bytes() * 10)
        process.stdin.flush()  # more than the pipe holds: it is reading by now
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert b"Traceback" not in error


def test_an_input_without_events_gives_the_documented_plan(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    arguments = ("plan", "--input", "empty", "--only-seen")
    run = run_command(tmp_path, *arguments, config=LOCAL)
    assert run.exit_code == 0
    assert "The input has nothing that would be sent." in run.stderr
    assert "## `device.impression`" not in run.lines


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--format", "csv"), "give --out FOLDER"),
        (("--format", "xlsx"), "xlsx"),
        (("--json", "--format", "csv", "--out", "x"), "--json"),
        (("--only-seen",), "needs --input"),
    ],
)
def test_wrong_arguments_end_with_two(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    run = run_command(tmp_path, "plan", *arguments)
    assert run.exit_code == 2
    assert words in run.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--input", "missing"), "missing cannot be read"),
        (("--input", "input.singer", "--out", "input.singer"), "is the input"),
        (("--out", "config.json"), "is a file of settings"),
        (("--out", "memory.db"), "belongs to `memory_path`"),
        (("--out", "memory.db-wal"), "belongs to `memory_path`"),
        (("--out", "output/rejects.singer"), "is the file of `rejects_path`"),
        (("--out", "."), "is a folder"),
        (("--format", "csv", "--out", "input.singer"), "is no folder"),
        (("--out", "/proc/plan.md"), "/proc/plan.md cannot be written"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    before = write_input(tmp_path, impression(1)).read_bytes()
    config = LOCAL | {"memory_path": "memory.db"}
    run = run_command(tmp_path, "plan", *arguments, config=config)
    assert run.exit_code == 1
    assert words in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
    assert (tmp_path / "input.singer").read_bytes() == before


@pytest.mark.parametrize("form", [("--json",), ("--format", "json")])
def test_wrong_settings_end_with_one_in_json_too(
    tmp_path: Path, form: tuple[str, ...]
) -> None:
    run = run_command(tmp_path, "plan", *form, config={"regoin": "eu"})
    assert run.exit_code == 1
    assert "regoin" in run.json["error"]
