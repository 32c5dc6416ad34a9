"""Files that cannot be written are reported before any input is read."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import nami, singer
from tests.support.environment import clean_environment
from tests.support.run_target import TARGET, run_target, run_with_pipe

if TYPE_CHECKING:
    from pathlib import Path

INPUT = [*singer.records("events", [nami.impression(1)]), b"no message\n"]
STATE = singer.state({"position": 1})


def test_every_file_that_cannot_be_written_has_its_line_and_nothing_is_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    paths = {
        "report_path": "folder",
        "metrics_path": "pipe",
        "rejects_path": "file/rejects.singer",
        "memory_path": "/dev/null",
        "local_path": "a" * 300,
    }
    (tmp_path / "config.json").write_text(json.dumps({"endpoint": "local", **paths}))
    ended, unread = run_with_pipe(tmp_path, STATE)
    assert unread == STATE
    assert ended.exit_code == 1
    assert ended.stdout == ""
    assert "Traceback" not in ended.log
    lines = ended.logged("ERROR")
    assert len(lines) == len(paths)
    for name, path in paths.items():
        (line,) = (line for line in lines if line.startswith(f"{name} is "))
        assert f'"{path}"' in line
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"config.json", "file", "folder", "pipe"}


def run(
    folder: Path, config: dict[str, Any], **streams: Any
) -> subprocess.CompletedProcess[bytes]:
    (folder / "config.json").write_text(json.dumps({"endpoint": "local"} | config))
    return subprocess.run(
        [TARGET, "--config", "config.json"],
        input=b"".join([*INPUT, STATE]),
        check=False,
        cwd=folder,
        env=clean_environment(),
        timeout=60,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams,
    )


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/1", "link", "states"])
@pytest.mark.parametrize("name", ["report_path", "rejects_path"])
def test_what_standard_output_leads_to_is_refused(
    tmp_path: Path, name: str, path: str
) -> None:
    (tmp_path / "link").symlink_to("/dev/stdout")
    with (tmp_path / "states").open("wb") as states:
        done = run(tmp_path, {name: path}, stdout=states)
    assert done.returncode == 1
    assert b"which is standard output" in done.stderr
    assert (tmp_path / "states").read_bytes() == b""
    assert (tmp_path / "link").is_symlink()


def test_the_report_may_go_to_standard_error(tmp_path: Path) -> None:
    paths = {"report_path": "/dev/stderr", "metrics_path": "/dev/fd/2"}
    done = run(tmp_path, paths)
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"position": 1}
    assert b'"outcome": "complete"' in done.stderr
    assert b"# EOF" in done.stderr


def test_a_log_in_a_file_is_not_replaced_by_the_report(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        done = run(tmp_path, {"report_path": "/dev/stderr"}, stderr=log)
    assert done.returncode == 0
    text = (tmp_path / "log").read_text()
    assert "records read" in text
    assert '"outcome": "complete"' in text
    with (tmp_path / "log").open("ab") as log:
        done = run(tmp_path, {"rejects_path": "log"}, stderr=log)
    assert done.returncode == 1
    assert "is the file that the log goes to" in (tmp_path / "log").read_text()


def test_what_nobody_wants_may_go_to_the_null_device(tmp_path: Path) -> None:
    names = ("report_path", "metrics_path", "rejects_path")
    done = run(tmp_path, dict.fromkeys(names, "/dev/null"), stdout=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "output" / "rejects.singer").exists()


def test_no_file_is_made_before_there_is_something_in_it(tmp_path: Path) -> None:
    done = run_target(tmp_path, {"endpoint": "local"}, STATE)
    assert done.exit_code == 0
    assert [path.name for path in (tmp_path / "output").iterdir()] == [
        "local-amplitude.db"
    ]


def test_the_report_is_written_although_the_run_is_disabled(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    config = {"endpoint": "local", "enabled": False, "rejects_path": "pipe"}
    done = run_target(tmp_path, config, STATE)
    assert done.exit_code == 0
    assert done.report["outcome"] == "disabled"
    done = run_target(tmp_path, config | {"report_path": "pipe"}, STATE)
    assert done.exit_code == 1


def test_the_rejects_of_a_run_are_not_its_input(tmp_path: Path) -> None:
    (tmp_path / "rejects.singer").write_bytes(STATE)
    config = {"endpoint": "local", "rejects_path": "rejects.singer"}
    done = run_target(tmp_path, config, options=["--input", "rejects.singer"])
    assert done.exit_code == 1
    assert "the very file that is the input" in done.log
    assert (tmp_path / "rejects.singer").read_bytes() == STATE
