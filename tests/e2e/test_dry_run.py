"""A dry run: the exact requests of a real one, in a file instead of the network."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.local.server import LocalAmplitude
from tests.support import nami, singer
from tests.support.run_target import API_KEY, TargetRun, run_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MESSAGES = [
    *singer.records("events", map(nami.impression, range(100))),
    *singer.records("more", map(nami.subscription, range(100, 200))),
    *singer.records("bad", [nami.impression(200, device_id="unknown")]),
    *singer.records("users", map(nami.user, range(100, 150))),
    singer.state({"position": 251}),
]


@dataclass(frozen=True, slots=True)
class Runs:
    """A dry run and a real one of the same messages and settings."""

    dry: TargetRun
    real: TargetRun
    bodies: list[bytes]
    """The requests of the real run."""

    @property
    def dry_path(self) -> Path:
        return self.dry.folder / "output" / "dry-run.jsonl"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("dry")
    with LocalAmplitude(folder / "amplitude.db", keep_bodies=True) as local:
        settings = {
            "api_key": API_KEY,
            "endpoint": local.endpoint("http_v2"),
            "min_id_length": 3,
            "batch_size_rows": 40,
            "parallel_requests": 1,  # several share events out as they become free
        }
        dry = run_target(folder / "dry", settings | {"dry_run": True}, MESSAGES)
        assert list(local.requests()) == []
        real = run_target(folder / "real", settings, MESSAGES)
        yield Runs(dry, real, [request.body or b"" for request in local.requests()])


def test_it_writes_the_bodies_that_a_real_run_sends(runs: Runs) -> None:
    written = runs.dry_path.read_bytes().splitlines()
    sent = [body.replace(API_KEY.encode(), b"***") for body in runs.bodies]
    assert len(written) > 4
    assert sorted(written) == sorted(sent)


def test_the_api_key_is_nowhere(runs: Runs) -> None:
    assert API_KEY not in runs.dry_path.read_text("utf-8")
    assert API_KEY not in runs.dry.log


def test_no_state_is_written(runs: Runs) -> None:
    assert runs.dry.exit_code == 0, runs.dry.log
    assert runs.dry.stdout == ""
    assert runs.real.states == [{"position": 251}]


def test_the_report_is_that_of_a_real_run(runs: Runs) -> None:
    own = {"seconds", "events_per_second", "started_at", "destination", "body_bytes"}
    dry, real = (
        {name: value for name, value in run.report.items() if name not in own}
        for run in (runs.dry, runs.real)
    )
    assert dry == real
    assert runs.dry.report["destination"] == "dry run in output/dry-run.jsonl"


def test_what_is_rejected_is_rejected_here_too(runs: Runs) -> None:
    [reject] = runs.dry.rejects
    assert reject["rejected"]["reason"] == "device_id_forbidden"


def test_the_bodies_are_for_their_owner_alone(runs: Runs) -> None:
    assert stat.S_IMODE(runs.dry_path.stat().st_mode) == 0o600


def test_it_needs_no_key_and_begins_the_file_anew(tmp_path: Path) -> None:
    settings = {"dry_run": True, "dry_run_path": "bodies.jsonl"}
    for number in (1, 2):
        run_target(tmp_path, settings, singer.records("e", [nami.impression(number)]))
    [body] = (tmp_path / "bodies.jsonl").read_text("utf-8").splitlines()
    assert nami.event_id(2) in body


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = {"dry_run": True, "dry_run_path": "file/bodies.jsonl"}
    run = run_target(tmp_path, settings, singer.records("e", [nami.impression(1)]))
    assert run.exit_code == 1
    assert "Traceback" not in run.log
    [line] = run.logged("ERROR")
    assert "file/bodies.jsonl" in line
    assert "dry_run_path" in line
