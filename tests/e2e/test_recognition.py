"""A run in which nothing is Nami's, as a process: its end, and what a kill leaves."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import nami, singer
from tests.support.run_target import API_KEY, run_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.local.server import LocalAmplitude
    from tests.support.zygote import Running, Zygote

PATIENCE_SECONDS = 30

BEFORE = [singer.schema("orders"), singer.state({"at": 0})]
LEFT_OUT = [singer.record("orders", {"id": 1}), singer.state({"at": 1})]
# Its warning shows that what came before has been read.
LAST = singer.records("plants", [{"id": 1}])


def _settings(local: LocalAmplitude, **more: Any) -> dict[str, Any]:
    return {"api_key": API_KEY, "endpoint": local.endpoint("http_v2")} | more


@contextlib.contextmanager
def _running(
    folder: Path, zygote: Zygote, settings: dict[str, Any]
) -> Iterator[tuple[Running, int]]:
    """Start a run that has read a STATE, a foreign record, and another STATE."""
    reader, writer = os.pipe()
    run = zygote.run(folder, settings, reader)
    os.close(reader)
    try:
        os.write(writer, b"".join([*BEFORE, *LEFT_OUT, *LAST]))
        run.wait_for("Stream 'plants'")
        yield run, writer
    finally:
        os.close(writer)


@pytest.mark.parametrize(
    ("settings", "stream"),
    [({}, "orders"), ({"event_streams": ["nami_events"]}, "PUBLIC-NAMI_EVENTS")],
)
def test_the_run_ends_with_one_line_after_its_report(
    settings: dict[str, Any],
    stream: str,
    tmp_path: Path,
    local_amplitude: LocalAmplitude,
) -> None:
    record = {"id": 1} if stream == "orders" else nami.impression(1)
    messages = [*singer.records(stream, [record]), singer.state({"at": 1})]
    run = run_target(tmp_path, _settings(local_amplitude, **settings), messages)
    assert run.exit_code == 1
    assert not run.stdout
    assert run.report["outcome"] == "failed"
    assert run.report["filtered"] == 1
    [error] = run.logged("ERROR")
    assert f"'{stream}'" in error
    assert run.log.splitlines()[-1].endswith(error)
    assert "Traceback" not in run.log


def test_state_that_waits_leaves_as_soon_as_a_record_is_nami_s(
    tmp_path: Path, local_amplitude: LocalAmplitude, zygote: Zygote
) -> None:
    with _running(tmp_path, zygote, _settings(local_amplitude)) as (run, writer):
        assert run.states == [{"at": 0}]
        os.write(writer, b"".join(singer.records("events", [nami.impression(1)])))
        run.wait_for('{"at":1}')
    assert run.wait(PATIENCE_SECONDS) == 0, run.log
    assert len(list(local_amplitude.events())) == 1


@pytest.mark.parametrize(
    ("number", "exit_code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_state_that_waits_does_not_leave_a_run_that_is_stopped(
    number: signal.Signals,
    exit_code: int,
    tmp_path: Path,
    local_amplitude: LocalAmplitude,
    zygote: Zygote,
) -> None:
    with _running(tmp_path, zygote, _settings(local_amplitude)) as (run, _):
        run.kill(number)
        assert run.wait(PATIENCE_SECONDS) == exit_code, run.log
    assert run.states == [{"at": 0}]
    assert "None of the records" not in run.log
    assert "Traceback" not in run.log
