"""A disk on which the local Amplitude can keep nothing more."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests

from target_amplitude_nami.local.queries.reader import Reader
from tests.support import nami, singer
from tests.support.environment import clean_environment
from tests.support.run_command import COMMAND
from tests.support.run_target import TARGET, TargetRun, run_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MOST_BYTES = 1_000_000
RECORDS = [nami.impression(n, pad="x" * 900) for n in range(2_000)]
MESSAGES = [
    *singer.records("events", RECORDS),
    singer.state({"at": 2_000}),
]


def small_files() -> None:
    """Let no file grow over a few requests."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Have a folder on a disk of its own, where that is allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MOST_BYTES}", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False).returncode:
        pytest.skip("only root may mount a disk")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def run_with(
    folder: Path, preexec: Callable[[], None] | None = None, **settings: object
) -> TargetRun:
    config = {"endpoint": "local", "batch_size_rows": 100, **settings}
    (folder / "config.json").write_text(json.dumps(config))
    done = subprocess.run(
        [TARGET, "--config", "config.json"],
        input=b"".join(MESSAGES),
        capture_output=True,
        check=False,
        cwd=folder,
        env=clean_environment(),
        preexec_fn=preexec,
        timeout=50,
    )
    return TargetRun(
        done.returncode, done.stdout.decode(), done.stderr.decode(), folder
    )


def check_that_it_says_so_once(run: TargetRun, path: str) -> None:
    assert run.exit_code == 1, run.log
    assert run.states == []
    assert "Traceback" not in run.log
    [error] = run.logged("ERROR")
    assert error.startswith(f"the local Amplitude cannot write {path} (")
    assert error.endswith("free space on the disk, or choose another `local_path`")
    assert not [line for line in run.logged() if "HTTP 507" in line]


def test_a_full_disk_at_the_local_amplitude_ends_the_run_with_one_line(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk"):
        run = run_with(tmp_path, local_path="disk/local.db")

    check_that_it_says_so_once(run, "disk/local.db")
    assert "(the disk is full)" in run.logged("ERROR")[0]


def test_a_file_that_may_not_grow_ends_the_run_and_the_next_one_goes_on(
    tmp_path: Path,
) -> None:
    run = run_with(tmp_path, small_files, parallel_requests=1)
    check_that_it_says_so_once(run, "output/local-amplitude.db")
    before = Reader(tmp_path / "output/local-amplitude.db").summary().total
    assert before < len(RECORDS)

    run = run_target(tmp_path, {"endpoint": "local"}, MESSAGES)

    assert run.exit_code == 0, run.log
    assert run.report["delivered"] == len(RECORDS)
    summary = Reader(tmp_path / "output/local-amplitude.db").summary()
    assert (summary.total, summary.duplicates) == (len(RECORDS), before)


def test_the_command_says_once_that_its_disk_is_full_and_goes_on_later(
    tmp_path: Path,
) -> None:
    ballast = tmp_path / "disk" / "ballast"
    event = {"event_type": "one", "user_id": "user-1", "event_properties": {}}
    event["event_properties"] = {str(n): "x" * 900 for n in range(100)}
    upload = {"api_key": "key-1", "events": [event]}
    with small_disk(tmp_path / "disk"), serving(tmp_path / "disk" / "a.db") as server:
        process, url = server
        with requests.Session() as session:
            session.trust_env = False
            assert session.post(url, json=upload).status_code == 200
            subprocess.run(
                ["dd", "if=/dev/zero", f"of={ballast}", "bs=4096"],
                stderr=subprocess.DEVNULL,
                check=False,
            )
            answers = [session.post(url, json=upload) for _ in range(3)]
            page = session.get(url.removesuffix("/2/httpapi") + "/api/overview")
            ballast.unlink()
            assert session.post(url, json=upload).status_code == 200
        process.terminate()
        _, log = process.communicate(timeout=20)

    assert [answer.status_code for answer in answers] == [507] * 3
    assert answers[0].json() == {
        "code": 507,
        "error": "Nothing can be stored: the disk is full",
    }
    assert page.status_code in {200, 503}
    [line] = log.splitlines()
    assert line == (
        f"{tmp_path}/disk/a.db cannot be written (the disk is full): "
        "requests are answered with an error until it can"
    )


@contextmanager
def serving(path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen(
        [COMMAND, "local", path, "--new", "--port=0"],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr
            process.stderr.readline()
            line = process.stderr.readline()
            yield process, line.split("events go to ")[1].split()[0]
        finally:
            process.kill()
