"""`amplitude-nami check` as a real process: beside runs, and with wrong settings."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.environment import clean_environment
from tests.support.nami import impression, subscription, user
from tests.support.run_command import COMMAND, run_command
from tests.support.run_target import API_KEY, TARGET, run_target
from tests.support.server import Reply, ScriptedServer, free_port, reply
from tests.support.singer import record, records, schema, state

if TYPE_CHECKING:
    from tests.support.run_command import CommandRun

LOCAL = {"endpoint": "local", "memory_path": "memory.db"}
INPUT = b"".join(records("events", [subscription(1), subscription(2)]))


def lines_with(mark: str, run: CommandRun) -> list[str]:
    """Return the lines of a checklist that have a mark, without it."""
    return [
        line.strip()[2:] for line in run.lines if line.strip().startswith(f"{mark} ")
    ]


def files_in(folder: Path) -> dict[str, bytes | None]:
    """Return all files; SQLite's index of a log varies."""
    return {
        str(path.relative_to(folder)): (
            None if path.is_dir() or path.name.endswith("-shm") else path.read_bytes()
        )
        for path in folder.rglob("*")
    }


def test_all_is_well_and_nothing_is_made(tmp_path: Path) -> None:
    run = run_command(tmp_path, "check", "--stdin", config=LOCAL, stdin=INPUT)
    assert (run.exit_code, run.stderr) == (0, "")
    assert lines_with("✗", run) == []
    assert "memory.db is not there yet: the first run makes it" in run.stdout
    assert "stream events: 2 would be sent" in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_every_mistake_is_shown_and_the_rest_is_checked_all_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / "broken.json").write_text('{"api_key": ')
    (tmp_path / "file").touch()
    config = {
        "regoin": "eu",
        "batch_size_rows": 0,
        "event_names": {"user.subscription.renewed": "Renewed"},
        "event_prefix": "Nami ",
        "memory_path": "file/memory.db",
        "stream_maps": {"users": {"name": "first +"}},
    }
    run = run_command(
        tmp_path,
        *("check", "--config", "missing.json", "--config", "broken.json"),
        config=config,
    )
    assert run.exit_code == 1
    wrong = "\n".join(lines_with("✗", run))
    for mistake in (
        "--config missing.json cannot be read",
        "--config broken.json cannot be read",
        'regoin is not a setting of this target. Did you mean "region"?',
        "batch_size_rows is 0",
        "api_key is missing",
        "users cannot be used: Failed to parse expression first +",
        'memory_path is "file/memory.db", but "file" is a file, not a folder',
    ):
        assert mistake in wrong
    assert 'user.subscription.renewed is sent as "Nami Renewed"' in run.stdout


def test_no_key_is_printed_wherever_it_stands(tmp_path: Path) -> None:
    proxy = f"http://ann:{API_KEY[::-1]}@127.0.0.1:{free_port()}"
    config = {
        "api_key": API_KEY,
        "secret_key": "5ecret5ecret5ecret",
        "endpoint": "https://relay.invalid/events?token=t0kent0ken",
        "batch_config": {"storage": {"root": "s3://key:pa55word@bucket"}},
    }
    environment = {"HTTPS_PROXY": proxy, "https_proxy": proxy}
    run = run_command(
        tmp_path, "check", "--json", config=config, environment=environment
    )
    printed = run.stdout + run.stderr
    assert "no answer from the proxy in https_proxy" in printed
    assert "https://relay.invalid/events?***" in printed
    for key in (API_KEY, API_KEY[::-1], "5ecret", "t0ken", "pa55word"):
        assert key not in printed


def test_a_live_run_is_not_disturbed_and_its_memory_is_read(tmp_path: Path) -> None:
    run_target(tmp_path, LOCAL, INPUT)
    with live_run(tmp_path) as process:
        (tmp_path / "config.json").write_text(json.dumps(LOCAL))
        before = files_in(tmp_path)
        run = run_command(tmp_path, "check", "--stdin", config=LOCAL, stdin=INPUT)
        assert files_in(tmp_path) == before
        assert process.poll() is None
    assert process.returncode == 0
    assert run.exit_code == 0, run.stdout
    assert "memory.db is in use by a run" in run.stdout
    assert "stream events: 2 duplicate" in run.stdout


def test_what_a_killed_run_left_is_read_and_stays_as_it_is(tmp_path: Path) -> None:
    run_target(tmp_path, LOCAL, INPUT)
    with live_run(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    (tmp_path / "config.json").write_text(json.dumps(LOCAL))
    before = files_in(tmp_path)
    assert "memory.db-wal" in before
    run = run_command(tmp_path, "check", "--json", config=LOCAL)
    assert files_in(tmp_path) == before
    memory = run.json["memory"]
    assert (memory["in_use"], memory["delivered"], memory["users"]) == (False, 2, 2)


def live_run(folder: Path) -> _LiveRun:
    """Start a run that has its memory open and waits for input."""
    return _LiveRun(folder)


class _LiveRun:
    def __init__(self, folder: Path) -> None:
        (folder / "run.json").write_text(json.dumps(LOCAL))
        self._folder = folder

    def __enter__(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [TARGET, "--config", "run.json"],
            cwd=self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=clean_environment(),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(INPUT + state({"at": 1}))
        self._process.stdin.flush()
        self._process.stdout.readline()  # from now on it has nothing to do
        return self._process

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)


def test_a_map_that_matches_no_stream_and_a_foreign_input_are_reported(
    tmp_path: Path,
) -> None:
    config = {**LOCAL, "stream_maps": {"user": {"name": "'x'"}, "ev*": {}}}
    run = run_command(tmp_path, "check", "--stdin", config=config, stdin=INPUT)
    assert run.exit_code == 0
    (warning,) = lines_with("!", run)
    assert warning.startswith("user matches no stream of this input")
    foreign = b"".join(records("orders", [{"total": 5}]))
    run = run_command(tmp_path, "check", "--stdin", config=LOCAL, stdin=foreign)
    assert run.exit_code == 1
    (wrong,) = lines_with("✗", run)
    assert wrong.startswith("None of the records read is Nami's")


def test_lines_that_a_run_would_reject_for_their_form_are_reported(
    tmp_path: Path,
) -> None:
    plain = json.dumps(subscription(1)).encode() + b"\n"
    for lines, is_told in ((plain, True), (INPUT, False), (INPUT + plain, True)):
        run = run_command(tmp_path, "check", "--stdin", config=LOCAL, stdin=lines)
        assert run.exit_code == 0
        warnings = "\n".join(lines_with("!", run))
        assert ("a run takes only Singer messages" in warnings) == is_told


def test_a_warning_of_the_settings_comes_once_with_an_input(tmp_path: Path) -> None:
    variable = "TARGET_AMPLITUDE_NAMI_REJECTS_PATH"
    run = run_command(
        tmp_path,
        *("check", "--stdin"),
        config=LOCAL,
        stdin=INPUT,
        environment={variable: "elsewhere.singer"},
    )
    assert len([line for line in lines_with("!", run) if variable in line]) == 1


def test_a_local_amplitude_that_could_keep_nothing_is_reported(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary")
    config = {"endpoint": "local", "local_path": "notes.txt"}
    run = run_command(tmp_path, "check", config=config)
    assert run.exit_code == 1
    [line] = lines_with("✗", run)
    assert line.startswith('local_path is "notes.txt", in which the local Amplitude')


def test_a_memory_that_no_run_would_open_is_nothing_wrong(tmp_path: Path) -> None:
    (tmp_path / "memory.db").write_text("Dear diary")
    for enabled in (True, False):
        config = LOCAL | {"enabled": enabled}
        run = run_command(tmp_path, "check", config=config)
        assert run.exit_code == (1 if enabled else 0)
        assert "The memory file memory.db cannot be used" in run.stdout


def test_more_rejects_than_the_settings_allow_are_a_mistake(tmp_path: Path) -> None:
    wrong = [subscription(number, created_date="soon") for number in (2, 3)]
    lines = b"".join(records("events", [subscription(1), *wrong]))
    for most, exit_code in ((1, 1), (2, 0)):
        config = {"endpoint": "local", "max_rejected": most}
        run = run_command(tmp_path, "check", "--stdin", config=config, stdin=lines)
        assert run.exit_code == exit_code
        assert ("more than max_rejected (1) allows" in run.stdout) == bool(exit_code)


def test_each_stream_is_described_for_programs(tmp_path: Path) -> None:
    lines = [
        schema("events"),
        record("events", subscription(1, _sdc_batched_at="2026-06-01", sku="monthly")),
        record("events", subscription(1)),
        record("events", subscription(2, created_date="yesterday")),
        record("events", impression(3, event_type="device.session.end")),
        schema("users"),
        record("users", user(4, favourite="blue")),
    ]
    run = run_command(
        tmp_path, "check", "--json", "--stdin", config=LOCAL, stdin=b"".join(lines)
    )
    found = run.json
    assert found["ok"] is True
    events, users = found["input"]["streams"]
    assert events == {
        "stream": "events",
        "kinds": {
            "user.subscription.renewed": 3,
            "device.session.end": 1,
        },
        "shape": ["nested objects"],
        "columns_used": [
            "id",
            "event_type",
            "created_date",
            "user_id",
            "active_entitlements",
            "customer_journey_state",
            "devices",
            "external_ids",
            "device_id",
        ],
        "properties": ["event_platform", "sku"],
        "columns_not_used": [],
        "sent": 1,
        "sent_to_sandbox": 0,
        "filtered": {"event_not_chosen": 1},
        "rejected": {"time_unreadable": 1},
        "held": 0,
        "duplicate": 1,
        "released": 0,
    }
    assert users["kinds"] == {"(user records)": 1}
    assert users["columns_not_used"] == ["favourite"]
    assert found["settings"]["memory_path"] == {
        "value": "memory.db",
        "source": "config.json",
    }


def test_an_api_key_alone_is_never_shown_as_proved(tmp_path: Path) -> None:
    with ScriptedServer(missing_events()) as amplitude:
        config = {"api_key": API_KEY, "endpoint": amplitude.url}
        run = run_command(tmp_path, "check", "--online", config=config)
        (request,) = amplitude.received
    assert json.loads(request.body) == {"api_key": API_KEY, "events": []}
    assert run.exit_code == 0
    (warning,) = lines_with("!", run)
    assert warning.startswith("api_key is not proved")
    assert not [line for line in lines_with("✓", run) if "is proved" in line]


def missing_events() -> Reply:
    error = {
        "code": 400,
        "error": "Request missing required field",
        "missing_field": "events",
    }
    return reply(400, error)


@pytest.mark.parametrize(
    ("number", "exit_code", "said"),
    [
        (signal.SIGINT, 1, b"Aborted!"),
        (signal.SIGTERM, 128 + signal.SIGTERM, b""),
        (signal.SIGHUP, 128 + signal.SIGHUP, b""),
    ],
)
def test_a_signal_ends_it_though_no_input_comes(
    tmp_path: Path, number: signal.Signals, exit_code: int, said: bytes
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LOCAL))
    process = subprocess.Popen(
        [COMMAND, "check", "--config", "config.json", "--stdin"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment({"TMPDIR": str(tmp_path)}),
    )
    try:
        until = time.monotonic() + 30
        while not list(tmp_path.glob("target-amplitude-nami-*")):
            assert time.monotonic() < until
            time.sleep(0.01)
        while b"S" not in state_of(process.pid):
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == exit_code
    assert errors.strip() == said
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def state_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
