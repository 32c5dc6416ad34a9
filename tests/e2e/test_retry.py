"""`amplitude-nami retry` as a real process: interrupted, killed, and beside others."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.faults import Do, Fault, Faults, When
from target_amplitude_nami.local.server import LocalAmplitude
from target_amplitude_nami.singer.rejects_file import locked_rejects
from tests.support import nami, singer
from tests.support.environment import clean_environment
from tests.support.rejects import because
from tests.support.run_command import COMMAND, run_command
from tests.support.run_target import API_KEY, TARGET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NUMBER = 240
SETTINGS: dict[str, Any] = {
    "api_key": API_KEY,
    "batch_size_rows": 20,
    "parallel_requests": 2,
    "shutdown_grace": 1,
}
PATIENCE_SECONDS = 30


def ids(numbers: range) -> set[str]:
    return {nami.event_id(number) for number in numbers}


def arrived(local: LocalAmplitude) -> list[str]:
    return [event.sent["insert_id"] for event in local.events()]


def good(count: int) -> list[dict[str, Any]]:
    return [nami.impression(number) for number in range(count)]


class Folder:
    """A folder with settings and a rejects file."""

    def __init__(self, path: Path, local: LocalAmplitude) -> None:
        self.path = path
        self.config = SETTINGS | {"endpoint": local.endpoint("http_v2")}
        self.rejects = path / "output" / "rejects.singer"

    def fill(self, *events: dict[str, Any]) -> bytes:
        """Write a rejects file of events, as a run has left it."""
        self.rejects.parent.mkdir()
        lines = [because(singer.record("events", each), "too_short") for each in events]
        self.rejects.write_bytes(singer.schema("events") + b"".join(lines))
        return self.rejects.read_bytes()

    @contextmanager
    def retrying(self, **settings: Any) -> Iterator[subprocess.Popen[str]]:
        """Run a retry until the end of the block."""
        config = self.config | settings
        (self.path / "retry.json").write_text(json.dumps(config))
        with subprocess.Popen(
            [COMMAND, "retry", "--config", "retry.json", "--json"],
            cwd=self.path,
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def left(self) -> list[str]:
        """The ids of the records in the file."""
        if not self.rejects.exists():
            return []
        messages = map(json.loads, self.rejects.read_bytes().splitlines())
        return [m["record"]["id"] for m in messages if m["type"] == "RECORD"]


def wait_for_requests(local: LocalAmplitude, count: int) -> None:
    """Wait until so many requests have come."""
    until = time.monotonic() + PATIENCE_SECONDS
    while len(list(local.requests())) < count:
        assert time.monotonic() < until, "no request came"
        select.select([], [], [], 0.01)


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    assert "Traceback" not in stderr
    return process.returncode, stdout, stderr


def test_people_see_what_was_there_and_what_is_left(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    folder = Folder(tmp_path, local_amplitude)
    folder.fill(*good(3), nami.impression(7, created_date="yesterday"))
    config = folder.config | {"report_path": "another.json"}
    done = run_command(tmp_path, "retry", config=config)
    assert done.exit_code == 1
    assert [line.split() for line in done.lines] == [
        ["output/rejects.singer:", "4", "rejects,", "4", "tried", "again"],
        ["before", "tried", "after"],
        ["too_short", "4", "4", "0"],
        ["time_unreadable", "0", "0", "1"],
        ["3", "delivered,", "1", "rejected", "again"],
    ]
    assert not (tmp_path / "another.json").exists()
    done = run_command(tmp_path, "retry", "--reason", "no_such", config=config)
    assert (done.exit_code, done.lines[0]) == (
        0,
        "output/rejects.singer: 1 reject, none of which was selected",
    )


def test_all_settled_is_a_success_and_then_there_is_nothing(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    folder = Folder(tmp_path, local_amplitude)
    folder.fill(*good(2))
    config = folder.config
    done = run_command(tmp_path, "retry", config=config)
    assert done.exit_code == 0
    assert done.lines[-1] == "output/rejects.singer has no records left and was removed"
    assert not folder.rejects.exists()
    done = run_command(tmp_path, "retry", config=config)
    assert (done.exit_code, done.stdout) == (0, "no rejects in output/rejects.singer\n")


@pytest.mark.parametrize(
    ("arguments", "config", "exit_code", "says"),
    [
        (["--since", "noon"], {}, 2, "not a time"),
        (["a", "b"], {}, 2, "unexpected extra argument"),
        ([], {"region": "mars"}, 1, "region"),
        (["--json"], {"enabled": False}, 0, '"outcome": "disabled"'),
        ([], {"enabled": False}, 0, "`enabled` is false"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    tmp_path: Path,
    arguments: list[str],
    config: dict[str, Any],
    exit_code: int,
    says: str,
) -> None:
    done = run_command(
        tmp_path, "retry", *arguments, config={"api_key": API_KEY} | config
    )
    assert done.exit_code == exit_code
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_was_settled_so_far(tmp_path: Path, number: int) -> None:
    stuck = Fault(when=When(requests=frozenset(range(5, 999))), do=Do(delay=60))
    with LocalAmplitude(tmp_path / "a.db", faults=Faults((stuck,))) as local:
        folder = Folder(tmp_path, local)
        folder.fill(*good(NUMBER))
        with folder.retrying() as process:
            wait_for_requests(local, 4)  # the next ones will never be answered
            process.send_signal(number)
            code, stdout, _ = end(process)
        assert code == 128 + number
        assert json.loads(stdout)["outcome"] == "interrupted"
        delivered, left = set(arrived(local)), set(folder.left)
        assert len(delivered) == json.loads(stdout)["settled"] > 0
        assert (delivered | left, delivered & left) == (ids(range(NUMBER)), set())


def test_a_kill_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    with LocalAmplitude(
        tmp_path / "a.db", faults=Faults((Fault(do=Do(delay=0.01)),))
    ) as local:
        folder = Folder(tmp_path, local)
        before = folder.fill(*good(NUMBER))
        for requests in (1, 8):
            with folder.retrying() as process:
                wait_for_requests(local, requests)
                process.send_signal(signal.SIGKILL)
                process.wait()
            assert {*folder.left, *arrived(local)} >= ids(range(NUMBER))
            assert folder.rejects.exists() is bool(folder.left)
        if folder.rejects.exists():
            assert folder.rejects.read_bytes() == before
            with folder.retrying() as process:
                assert end(process)[0] == 0
        assert set(arrived(local)) == ids(range(NUMBER))
        assert os.listdir(folder.rejects.parent) == []  # noqa: PTH208


def test_two_retries_at_once_do_not_meet(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    folder = Folder(tmp_path, local_amplitude)
    before = folder.fill(*good(20))
    with locked_rejects(folder.rejects), folder.retrying() as process:
        code, stdout, _ = end(process)
    assert code == 1
    assert "by another process" in json.loads(stdout)["error"]
    assert folder.rejects.read_bytes() == before
    with folder.retrying() as first, folder.retrying() as second:
        assert 0 in {end(first)[0], end(second)[0]}
    assert set(arrived(local_amplitude)) == ids(range(20))
    assert not folder.rejects.exists()


def test_what_a_run_rejects_meanwhile_stays_at_the_end(tmp_path: Path) -> None:
    slow = Fault(do=Do(delay=2), times=1)
    with LocalAmplitude(tmp_path / "a.db", faults=Faults((slow,))) as local:
        folder = Folder(tmp_path, local)
        folder.fill(*good(20))
        (tmp_path / "config.json").write_text(json.dumps(folder.config))
        with subprocess.Popen(
            [TARGET, "--config", "config.json"],
            cwd=tmp_path,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as run:
            assert run.stdin is not None
            bad = [nami.impression(n, device_id="x") for n in range(100, 103)]
            schema, *records = singer.records("events", bad)
            run.stdin.write(schema + records[0])
            run.stdin.flush()
            wait_until_left(folder, 100)
            with folder.retrying() as process:
                wait_until_locked(folder)
                run.stdin.write(records[1])
                run.stdin.flush()
                wait_until_left(folder, 101)
                assert end(process)[0] == 1
            run.stdin.write(records[2])
            run.stdin.close()
            assert run.wait(PATIENCE_SECONDS) == 0
        assert folder.left == [nami.event_id(n) for n in range(100, 103)]
        kinds = [json.loads(x)["type"] for x in folder.rejects.read_text().splitlines()]
        assert kinds[0] == "SCHEMA"


def wait_until_locked(folder: Folder) -> None:
    """Wait until a retry has begun."""
    beside = folder.rejects.with_name(".rejects.singer.rewriting")
    until = time.monotonic() + PATIENCE_SECONDS
    while not beside.exists():
        assert time.monotonic() < until, "it did not begin"
        select.select([], [], [], 0.01)


def wait_until_left(folder: Folder, number: int) -> None:
    """Wait until the file has a record."""
    until = time.monotonic() + PATIENCE_SECONDS
    while nami.event_id(number) not in folder.left:
        assert time.monotonic() < until, "it was not written"
        select.select([], [], [], 0.01)


def test_a_disk_that_takes_no_more_leaves_the_file_as_it_was(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    folder = Folder(tmp_path, local_amplitude)
    unreadable = [
        nami.impression(n, created_date="yesterday", note="x" * 30_000)
        for n in range(10, 40)
    ]
    before = folder.fill(*good(2), *unreadable)
    (tmp_path / "config.json").write_text(json.dumps(folder.config))
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 600; {COMMAND} retry --config config.json"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Nothing is lost" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert folder.rejects.read_bytes() == before
    assert os.listdir(folder.rejects.parent) == ["rejects.singer"]  # noqa: PTH208
