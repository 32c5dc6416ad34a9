"""examples/run_once.py: a tap and the target with STATE kept, without Meltano."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support import nami, singer
from tests.support.environment import clean_environment
from tests.support.run_target import TARGET

SCRIPT = Path(__file__).parents[2] / "examples" / "run_once.py"
PRINTS = "import sys; print('{\"position\": 1}'); print('{\"position\": 2}'); "


def python(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


def run_once(folder: Path, tap: str, target: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, "--state", "state.json", tap, target],
        capture_output=True,
        check=False,
        cwd=folder,
        env=clean_environment(),
        text=True,
        timeout=30,
    )


def state(folder: Path) -> Any:
    return json.loads((folder / "state.json").read_text("utf-8"))


def test_the_last_state_is_kept_and_given_to_the_next_run(tmp_path: Path) -> None:
    tap = python("import sys; print(sys.argv[1:], file=sys.stderr)")
    first = run_once(tmp_path, tap, python(PRINTS + "sys.stdin.read()"))
    assert (first.returncode, first.stderr) == (0, "[]\n")
    assert state(tmp_path) == {"position": 2}
    second = run_once(tmp_path, tap, python("import sys; sys.stdin.read()"))
    assert second.stderr == "['--state', 'state.json']\n"
    assert state(tmp_path) == {"position": 2}


@pytest.mark.parametrize(
    ("tap", "target", "exit_code"),
    [
        ("pass", "import sys; sys.exit(3)", 3),
        ("import sys; sys.exit(7)", "pass", 7),
        ("import sys; sys.exit(7)", "import sys; sys.exit(1)", 1),
        ("import os; os.kill(os.getpid(), 9)", "pass", 137),
        ("import time; time.sleep(60)", "import sys; sys.exit(1)", 1),
    ],
    ids=["too many rejects", "the tap", "both", "a killed tap", "a tap that hangs"],
)
def test_the_exit_code_is_the_target_s_or_else_the_tap_s(
    tap: str,
    target: str,
    exit_code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    done = run_once(tmp_path, python(tap), python(target))
    assert done.returncode == exit_code, done.stderr


def test_half_a_line_is_no_state(tmp_path: Path) -> None:
    target = python(PRINTS + "sys.stdout.write('{\"position\"')")
    run_once(tmp_path, python("pass"), target)
    assert state(tmp_path) == {"position": 2}


def test_a_command_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = run_once(tmp_path, python("pass"), "no-such-target")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "run_once: [Errno 2] No such file or directory: 'no-such-target'"
    ]


def test_on_sigterm_what_was_read_is_delivered_and_kept(tmp_path: Path) -> None:
    with (tmp_path / "input.singer").open("wb") as file:
        file.writelines(singer.records("events", [nami.impression(0)]))
        for number in range(1, 1001):
            file.write(singer.record("events", nami.impression(number)))
            file.write(singer.state({"position": number}))
    (tmp_path / "config.json").write_text('{"endpoint": "local"}')
    # No more than a pipe's content is then unread: some 64 of the 1,000 records.
    tap = "bash -c 'cat input.singer; touch written; exec sleep 60'"
    target = f"{TARGET} --config config.json"
    process = subprocess.Popen(
        [sys.executable, SCRIPT, "--state", "state.json", tap, target],
        cwd=tmp_path,
        env=clean_environment(),
        stderr=subprocess.PIPE,
    )
    while not (tmp_path / "written").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    log = process.communicate(timeout=30)[1].decode()
    assert process.returncode == 143, log
    assert state(tmp_path)["position"] > 500
