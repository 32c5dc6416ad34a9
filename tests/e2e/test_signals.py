"""SIGTERM and SIGINT at any moment: a clean stop, in time, and a true STATE."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import random
import signal
import struct
import subprocess
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.local.faults import Do, Fault, Faults
from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami, singer
from tests.support.environment import clean_environment
from tests.support.run_target import API_KEY, TARGET
from tests.support.zygote import Running, Zygote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOMENTS = 10
AT_ONCE = 5
MOST_SECONDS_OVER_GRACE = 4
"""Two are promised, on a machine that does not run other tests beside."""
PATIENCE_SECONDS = 30
LONGEST_BEFORE_SIGNAL = 0.6
RECORDS = 602
RECORDS_PER_STATE = 7
SETTINGS: dict[str, Any] = {
    "api_key": API_KEY,
    "batch_size_rows": 10,
    "parallel_requests": 2,
    "batch_wait_seconds": 1,
}

THROTTLED = {
    "code": 429,
    "error": "Too many requests for some devices and users",
    "eps_threshold": 30,
    "throttled_devices": {nami.device_id(n): 31 for n in range(MOMENTS * RECORDS)},
}

SITUATIONS = {
    "sending": Do(delay=0.05),
    "waiting for an answer": Do(delay=60),
    "waiting in a throttle": Do(status=429, json=THROTTLED),
    "waiting to ask again": Do(status=503, raw="<html>busy</html>"),
}


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as zygote:
        yield zygote


def _messages(first: int, count: int = RECORDS) -> bytes:
    """Return a stream that begins with a STATE, which shows that reading has begun."""
    lines = [singer.state({"position": 0}), singer.schema("events")]
    for n in range(first, first + count):
        lines.append(singer.record("events", nami.impression(n)))
        if (n + 1) % RECORDS_PER_STATE == 0:
            lines.append(singer.state({"position": n + 1 - first}))
    return b"".join(lines)


def _start(
    zygote: Zygote, folder: Path, local: LocalAmplitude, text: bytes, **settings: Any
) -> tuple[Running, int]:
    """Start a run; its input stays open until the returned descriptor is closed."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
    assert len(text) < 1 << 20
    os.write(writer, text)
    endpoint = local.endpoint("http_v2")
    run = zygote.run(folder, SETTINGS | settings | {"endpoint": endpoint}, reader)
    os.close(reader)
    run.wait_for('{"position":0}')
    return run, writer


def _stop(run: Running, number: int, grace: int) -> None:
    """Send a signal and see that the run ends cleanly and in time."""
    began = time.time()
    run.kill(number)
    assert run.wait(PATIENCE_SECONDS) == 128 + number, run.log
    [ended] = [line for line in run.log.splitlines() if line.endswith(": interrupted")]
    moment = dt.datetime.strptime(ended[:23], "%Y-%m-%d %H:%M:%S,%f").astimezone()
    assert moment.timestamp() - began < grace + MOST_SECONDS_OVER_GRACE, run.log
    assert "Traceback" not in run.log


def _delivered(local: LocalAmplitude) -> set[str]:
    return {event.sent["insert_id"] for event in local.events()}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_signal_at_any_moment_ends_the_run_in_time_and_state_is_true(
    situation: str, tmp_path: Path, zygote: Zygote
) -> None:
    faults = Faults((Fault(do=SITUATIONS[situation]),))
    with (
        LocalAmplitude(tmp_path / "amplitude.db", faults=faults) as local,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def interrupt(seed: int) -> None:
            dice = random.Random(f"{situation} {seed}")  # noqa: S311
            grace, number = seed % 2, (signal.SIGTERM, signal.SIGINT)[seed // 2 % 2]
            first = seed * RECORDS
            run, writer = _start(
                zygote,
                tmp_path / str(seed),
                local,
                _messages(first),
                shutdown_grace=grace,
            )
            assert run.wait(dice.uniform(0, LONGEST_BEFORE_SIGNAL)) is None, run.log
            _stop(run, number, grace)
            os.close(writer)
            covered = run.states[-1]["position"]
            delivered = _delivered(local)
            for n in range(first, first + covered):
                assert nami.event_id(n) in delivered, f"seed {seed}"

        list(pool.map(interrupt, range(MOMENTS)))


def test_a_signal_while_the_input_is_idle_delivers_all_that_was_read(
    tmp_path: Path, zygote: Zygote
) -> None:
    with (
        LocalAmplitude(tmp_path / "amplitude.db") as local,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def interrupt(seed: int) -> None:
            dice = random.Random(seed)  # noqa: S311
            count = RECORDS_PER_STATE * dice.randrange(1, 80)
            number = (signal.SIGTERM, signal.SIGINT)[seed % 2]
            first = seed * RECORDS
            # The warning about the last record shows that all has been read.
            last = [singer.schema("other"), singer.record("other", {"a": 1})]
            text = b"".join([_messages(first, count), *last])
            run, writer = _start(
                zygote,
                tmp_path / str(seed),
                local,
                text,
                batch_wait_seconds=60,
            )
            run.wait_for("'other' holds neither")
            assert run.wait(dice.uniform(0, 0.3)) is None, run.log
            _stop(run, number, 20)
            os.close(writer)
            assert run.states[-1] == {"position": count}

        list(pool.map(interrupt, range(MOMENTS)))


def test_a_second_signal_ends_the_run_at_once(tmp_path: Path, zygote: Zygote) -> None:
    faults = Faults((Fault(do=SITUATIONS["waiting in a throttle"]),))
    with LocalAmplitude(tmp_path / "amplitude.db", faults=faults) as local:
        run, writer = _start(zygote, tmp_path, local, _messages(0), shutdown_grace=60)
        run.wait_for("users wait")
        run.kill(signal.SIGTERM)
        assert run.wait(0.5) is None
        run.kill(signal.SIGTERM)
        assert run.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM
        os.close(writer)
        assert run.states == [{"position": 0}]


def test_no_state_is_written_behind_a_batch_that_a_signal_has_cut_short(
    tmp_path: Path, zygote: Zygote
) -> None:
    records = [json.dumps(nami.impression(n)) for n in range(RECORDS)]
    file = tmp_path / "batch.jsonl"
    file.write_text("\n".join(records))
    message = {
        "type": "BATCH",
        "stream": "events",
        "encoding": {"format": "jsonl"},
        "manifest": [file.as_uri()],
    }
    text = b"".join(
        [
            singer.state({"position": 0}),
            singer.schema("events"),
            json.dumps(message).encode() + b"\n",
            singer.state({"position": RECORDS}),
        ]
    )
    faults = Faults((Fault(do=Do(delay=0.1)),))
    with LocalAmplitude(tmp_path / "amplitude.db", faults=faults) as local:
        run, writer = _start(zygote, tmp_path / "run", local, text)
        while not _delivered(local):
            assert run.wait(0.01) is None, run.log
        _stop(run, signal.SIGTERM, 20)
        os.close(writer)
        assert 0 < len(_delivered(local)) < RECORDS
        assert run.states == [{"position": 0}]


def test_a_reader_of_state_that_has_stopped_reading_does_not_keep_the_run(
    tmp_path: Path, local_amplitude: LocalAmplitude
) -> None:
    settings = SETTINGS | {
        "endpoint": local_amplitude.endpoint("http_v2"),
        "shutdown_grace": 1,
    }
    (tmp_path / "config.json").write_text(json.dumps(settings))
    states = [singer.state({"position": n, "text": "x" * 2_000}) for n in range(100)]
    (tmp_path / "input").write_bytes(b"".join(states))
    with (
        (tmp_path / "input").open("rb") as file,
        subprocess.Popen(
            [TARGET, "--config", "config.json"],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=tmp_path,
            env=clean_environment(),
        ) as process,
    ):
        assert process.stdout is not None
        unread = 0
        while not unread or unread != _unread(process.stdout.fileno()):
            unread = _unread(process.stdout.fileno())
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.3)  # a pipe that is not full grows meanwhile
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM


@pytest.mark.parametrize("moment", range(4))
def test_a_signal_before_the_run_has_begun_ends_the_process_with_nothing_read(
    moment: int, tmp_path: Path
) -> None:
    dice = random.Random(moment)  # noqa: S311
    (tmp_path / "config.json").write_text(json.dumps(SETTINGS))
    reader, writer = os.pipe()
    with subprocess.Popen(
        [TARGET, "--config", "config.json"],
        stdin=reader,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=clean_environment(),
    ) as process:
        os.close(reader)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(dice.uniform(0.01, 0.6))
        process.terminate()
        stdout, log = process.communicate(timeout=PATIENCE_SECONDS)
        os.close(writer)
    assert process.returncode in {-signal.SIGTERM, 128 + signal.SIGTERM}
    assert not stdout
    assert b"Traceback" not in log


def _unread(descriptor: int) -> int:
    """Return how many bytes wait in a pipe."""
    answer = fcntl.ioctl(descriptor, termios.FIONREAD, b"\0" * 4)
    return int(struct.unpack("i", answer)[0])
