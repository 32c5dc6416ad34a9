"""STATE on standard output: when it is written, what survives, and what ends a run."""

from __future__ import annotations

import contextlib
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.faults import Do, Fault, Faults
from tests.support import nami, singer
from tests.support.environment import clean_environment
from tests.support.run_target import API_KEY, TARGET, run_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude

UNAVAILABLE = Do(status=503, raw="<html>busy</html>")
WRONG_KEY = Do(status=400, json={"code": 400, "error": f"Invalid API key: {API_KEY}"})

WRITTEN_STATES = {
    "floats": '{"a":9.99,"b":-0.0,"c":0.1000,"d":1E+5,"e":1e5}',
    "big numbers": f'{{"a":{"9" * 5_000},"b":123456789012345678901234567890.5}}',
    "numbers beyond any float": '{"a":1e400,"b":-1E-400,"c":1e99999999999999999999}',
    "unicode": json.dumps(
        {"é": "日本 🦉", "cut": "\ud83d", "nul": "\0"}, separators=(",", ":")
    ),
    "an array": '[1,[null,true,""]]',
    "a text": '"2026-01-01"',
    "a number": "7",
    "null inside": '{"bookmarks":null}',
    "deep": '{"a":' * 200 + "1" + "}" * 200,
    "long": json.dumps({"a": "x" * 300_000}, separators=(",", ":")),
}


def _settings(local: LocalAmplitude, **more: Any) -> dict[str, Any]:
    return {"api_key": API_KEY, "endpoint": local.endpoint("http_v2")} | more


def _events(count: int, first: int = 0) -> list[bytes]:
    return [
        singer.record("events", nami.impression(n)) for n in range(first, first + count)
    ]


@contextlib.contextmanager
def _running(
    folder: Path, settings: dict[str, Any]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a target whose input is open; it is killed if it is left running."""
    (folder / "config.json").write_text(json.dumps(settings))
    with subprocess.Popen(
        [TARGET, "--config", "config.json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=clean_environment(),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _write(process: subprocess.Popen[bytes], *lines: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(b"".join(lines))
    process.stdin.flush()


@pytest.mark.parametrize("kind", WRITTEN_STATES)
def test_a_state_comes_out_as_it_came_in(kind: str, tmp_path: Path) -> None:
    written = WRITTEN_STATES[kind]
    line = f'{{"type":"STATE","value":{written}}}\n'.encode()
    run = run_target(tmp_path, {"endpoint": "local"}, line)
    assert run.exit_code == 0, run.log
    assert run.stdout == written + "\n"


def test_states_of_other_spelling_keep_their_meaning(tmp_path: Path) -> None:
    line = '{"type": "STATE", "value": {"a": "日本", "b": 1e5}}\n'.encode()
    run = run_target(tmp_path, {"endpoint": "local"}, line)
    assert run.states == [{"a": "日本", "b": 1e5}]
    assert run.stdout.isascii()


@pytest.mark.parametrize("empty", [b"{}", b"null", b'""', b"[]"])
def test_an_empty_state_is_never_written(empty: bytes, tmp_path: Path) -> None:
    line = b'{"type": "STATE", "value": %s}\n' % empty
    run = run_target(tmp_path, {"endpoint": "local"}, line)
    assert run.exit_code == 0, run.log
    assert not run.stdout
    assert not run.rejects


def test_a_state_too_deep_to_be_written_is_rejected(tmp_path: Path) -> None:
    lines = [
        b'{"type":"STATE","value":%s}\n' % (b"[" * depth + b"]" * depth)
        for depth in (900, 950, 980, 1_000, 2_000, 10_000)
    ]
    run = run_target(tmp_path, {"endpoint": "local"}, [*lines, singer.state({"a": 1})])
    assert run.exit_code == 0, run.log
    assert run.stdout.endswith('{"a":1}\n')
    assert len(run.rejects) + len(run.stdout.splitlines()) == 7
    assert run.rejects


def test_of_many_states_the_newest_that_is_true_is_written(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    messages = [singer.schema("events")]
    for n in range(2_000):
        messages += [*_events(1, n), singer.state({"position": n + 1})]
    settings = _settings(local_amplitude, batch_size_rows=100)
    run = run_target(tmp_path, settings, messages)
    positions = [state["position"] for state in run.states]
    assert run.exit_code == 0, run.log
    assert positions == sorted(set(positions))
    assert positions[-1] == 2_000


def test_state_is_written_while_the_input_is_idle(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    settings = _settings(local_amplitude, batch_wait_seconds=1)
    with _running(tmp_path, settings) as process:
        assert process.stdout is not None
        _write(process, singer.state({"at": 0}))
        assert json.loads(process.stdout.readline()) == {"at": 0}
        _write(process, singer.schema("events"), *_events(3), singer.state({"at": 3}))
        assert json.loads(process.stdout.readline()) == {"at": 3}
        assert len(list(local_amplitude.events())) == 3
        assert process.poll() is None
        _, log = process.communicate(timeout=20)
        assert process.returncode == 0, log


def test_no_state_beyond_what_is_settled_when_a_run_fails(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    # Amplitude is down for the user of one record in the middle, and for nobody else.
    victim = nami.subscription(55)
    local_amplitude.set_faults(
        Faults.from_json(
            {
                "faults": [
                    {
                        "when": {"user_id": nami.external_id(55)},
                        "do": {"status": 503, "raw": "busy"},
                    }
                ]
            }
        )
    )
    messages = [singer.schema("events")]
    for n in range(200):
        line = _events(1, n) if n != 55 else [singer.record("events", victim)]
        messages += [*line, singer.state({"position": n + 1})]
    settings = _settings(local_amplitude, batch_size_rows=10, retry_for=1)
    run = run_target(tmp_path, settings, messages)
    assert run.exit_code == 1
    delivered = {event.sent["insert_id"] for event in local_amplitude.events()}
    covered = run.states[-1]["position"] if run.states else 0
    assert covered <= 55
    assert {nami.event_id(n) for n in range(covered)} <= delivered
    assert len(run.logged("ERROR")) == 1
    assert "retry_for" in run.logged("ERROR")[0]


@pytest.mark.parametrize(
    ("do", "words", "settings"),
    [
        (WRONG_KEY, "does not know the API key", {}),
        (UNAVAILABLE, "run again when Amplitude can be reached", {"retry_for": 0}),
        (UNAVAILABLE, "run again when Amplitude can be reached", {"retry_for": 1}),
        (Do(status=404, raw="<html>"), "check `endpoint`", {}),
    ],
)
def test_a_fatal_end_comes_at_once_while_the_input_is_open_and_idle(
    do: Do,
    words: str,
    settings: dict[str, Any],
    tmp_path: Path,
    local_amplitude: LocalAmplitude,
) -> None:
    local_amplitude.set_faults(Faults((Fault(do=do),)))
    settings = _settings(local_amplitude, batch_wait_seconds=1) | settings
    with _running(tmp_path, settings) as process:
        _write(process, singer.schema("events"), *_events(3), singer.state({"at": 3}))
        assert process.wait(timeout=20) == 1
        assert process.stdout is not None
        assert process.stderr is not None
        assert not process.stdout.read()
        log = process.stderr.read().decode()
    assert log.count("| ERROR ") == 1
    assert words in log.splitlines()[-1]
    assert "Traceback" not in log


def test_a_closed_standard_output_ends_the_run_with_a_clear_line(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    settings = _settings(local_amplitude, batch_wait_seconds=1)
    with _running(tmp_path, settings) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        _write(process, singer.schema("events"), *_events(3), singer.state({"at": 3}))
        assert process.wait(timeout=20) == 1
        _assert_output_is_closed(process.stderr.read().decode())


@pytest.mark.parametrize("redirect", [">&-", ">/dev/full", "| true"])
def test_a_standard_output_that_takes_nothing_ends_the_run_with_a_clear_line(
    redirect: str, tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(_settings(local_amplitude)))
    states = [singer.state({"at": n, "x": "x" * 999}) for n in range(200)]
    messages = [singer.schema("events"), *_events(3), *states]
    command = f"{TARGET} --config config.json {redirect}"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        input=b"".join(messages),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        cwd=tmp_path,
        env=clean_environment({"PYTHONWARNINGS": "default"}),
        timeout=20,
    )
    assert done.returncode == 1
    _assert_output_is_closed(done.stderr.decode())


def _assert_output_is_closed(log: str) -> None:
    assert log.count("| ERROR ") == 1, log
    assert "tandard output" in log.splitlines()[-1], log
    assert "Nothing is lost" in log.splitlines()[-1]
    for noise in ("Traceback", "Exception ignored", "Warning"):
        assert noise not in log, log


def test_a_report_that_cannot_be_written_fails_the_run_after_all_is_delivered(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    (tmp_path / "metrics").symlink_to("/dev/full")
    settings = _settings(
        local_amplitude, report_path="/dev/full", metrics_path="metrics"
    )
    messages = [singer.schema("events"), *_events(3), singer.state({"at": 3})]
    run = run_target(tmp_path, settings, messages)
    assert run.exit_code == 1
    assert run.states == [{"at": 3}]
    assert len(list(local_amplitude.events())) == 3
    assert "cannot be written" in run.logged("ERROR")[-1]
    assert "Traceback" not in run.log


def test_no_state_covers_a_reject_that_the_disk_did_not_take(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    (tmp_path / "rejects").symlink_to("/dev/full")
    settings = _settings(local_amplitude, rejects_path="rejects")
    messages = [
        singer.schema("events"),
        singer.record("events", nami.impression(1, device_id="tiny")),
        *_events(3, 2),
        singer.state({"at": 4}),
    ]
    run = run_target(tmp_path, settings, messages)
    assert run.exit_code == 1
    assert not run.stdout
    assert len(run.logged("ERROR")) == 1
    assert "rejects" in run.logged("ERROR")[0]
    assert "Traceback" not in run.log


def test_nothing_but_state_goes_to_standard_output_even_when_debugging(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    messages = [singer.schema("events"), b"no message\n", *_events(3)]
    run = run_target(
        tmp_path,
        _settings(local_amplitude),
        [*messages, singer.state({"at": 3})],
        environment={"LOGLEVEL": "DEBUG", "PYTHONUNBUFFERED": "1"},
    )
    assert run.exit_code == 0
    assert run.stdout == '{"at":3}\n'
