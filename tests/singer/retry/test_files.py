"""Which file is retried, what is written, and what a retry must not change."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.errors import (
    ConfigurationError,
    DeliveryError,
    InputUnreadable,
    StoreUnusable,
)
from target_amplitude_nami.local.faults import Do, Fault, Faults, When
from target_amplitude_nami.local.server import LocalAmplitude
from target_amplitude_nami.singer.retry.retry import retry
from target_amplitude_nami.store.lock import lock
from tests.support import nami, singer
from tests.support.retrying import EVENTS, Place, bad, good

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def place(tmp_path: Path, local_amplitude: LocalAmplitude) -> Place:
    return Place(tmp_path, local_amplitude)


# Places


def test_a_link_to_the_file_stays_and_so_do_its_mode_and_owner(place: Place) -> None:
    place.write(EVENTS, good(1), bad(2))
    real = place.path.with_name("real.singer")
    place.path.rename(real)
    place.path.symlink_to(real)
    before = real.stat()
    place.retry()
    assert place.path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert (real.stat().st_uid, real.stat().st_gid) == (before.st_uid, before.st_gid)
    assert place.left == [(nami.event_id(2), "time_unreadable")]


def test_another_file_may_be_named(place: Place) -> None:
    place.write(EVENTS, good(1))
    moved = place.path.rename(place.path.with_name("moved.singer"))
    place.retry(path=moved)
    assert place.arrived == [nami.event_id(1)]
    assert not moved.exists()


@pytest.mark.parametrize("is_there", [True, False])
def test_without_rejects_nothing_is_done(place: Place, *, is_there: bool) -> None:
    if is_there:
        place.write()
    result = place.retry()
    assert result.outcome == "nothing"
    assert place.path.exists() is is_there


@pytest.mark.parametrize(
    "lines",
    [
        singer.records("events", [nami.impression(1)]),
        [EVENTS, good(1), singer.state({"x": 1})],
        [b"not a singer file\n"],
        [json.dumps(nami.impression(1)).encode()],
    ],
    ids=["no reasons", "a STATE", "text", "a record"],
)
def test_what_is_no_rejects_file_is_refused_and_left_alone(
    place: Place, lines: list[bytes]
) -> None:
    before = place.write(*lines)
    with pytest.raises(InputUnreadable, match="not a rejects file"):
        place.retry()
    assert place.path.read_bytes() == before
    assert place.arrived == []


# What must not change anything


def test_a_dry_run_changes_nothing_and_says_what_would_happen(place: Place) -> None:
    before = place.write(EVENTS, good(1), bad(2))
    result = place.retry(dry_run=True, api_key=None)
    assert (result.delivered, result.failed_again, result.dry_run) == (1, 1, True)
    assert result.after == {"time_unreadable": 1}
    assert place.path.read_bytes() == before
    assert list(place.local.requests()) == []
    assert [each.name for each in place.path.parent.glob("rej*")] == [place.path.name]


def test_dry_run_in_the_settings_is_one_too(place: Place) -> None:
    before = place.write(EVENTS, good(1))
    config = place.config | {"dry_run": True}
    result, _ = retry(config)
    assert result.dry_run
    assert place.path.read_bytes() == before


def test_a_dry_run_of_the_local_amplitude_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "rejects.singer"
    path.write_bytes(EVENTS + good(1))
    local = tmp_path / "amplitude.db"
    config = {"endpoint": "local", "local_path": str(local)}
    result, _ = retry(config, path, dry_run=True)
    assert result.delivered == 1
    assert not local.exists()


def test_switched_off_it_says_so_and_does_nothing(place: Place) -> None:
    before = place.write(EVENTS, good(1))
    assert place.retry(enabled=False).outcome == "disabled"
    assert place.path.read_bytes() == before


def test_a_store_in_use_is_a_failure_that_changes_nothing(place: Place) -> None:
    before = place.write(EVENTS, good(1))
    memory = place.path.with_name("memory.db")
    unlock = lock(memory, memory)
    try:
        with pytest.raises(StoreUnusable, match="in use"):
            place.retry(memory_path=str(memory))
    finally:
        unlock()
    assert place.path.read_bytes() == before
    assert place.arrived == []


def test_a_wrong_key_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    with LocalAmplitude(tmp_path / "a.db", keys=["another"]) as local:
        place = Place(tmp_path, local)
        before = place.write(EVENTS, good(1), bad(2), good(3))
        with pytest.raises(DeliveryError):
            place.retry()
    assert place.path.read_bytes() == before
    assert not list(tmp_path.glob(".rejects*"))


def test_wrong_settings_change_nothing(place: Place) -> None:
    before = place.write(EVENTS, good(1))
    with pytest.raises(ConfigurationError, match="region"):
        place.retry(region="mars")
    assert place.path.read_bytes() == before


def test_the_files_that_describe_the_pipeline_are_left_alone(place: Place) -> None:
    place.write(EVENTS, good(1), bad(2))
    report, metrics = (place.path.with_name(name) for name in ("report", "metrics"))
    place.retry(report_path=str(report), metrics_path=str(metrics), max_rejected=0)
    assert not report.exists()
    assert not metrics.exists()


# A failure half-way


def test_what_was_settled_before_a_failure_leaves_the_file(tmp_path: Path) -> None:
    refusal = {"code": 400, "error": "Invalid API key: 0123"}
    later = When(requests=frozenset(range(4, 100)))
    faults = Faults((Fault(when=later, do=Do(status=400, json=refusal)),))
    with LocalAmplitude(tmp_path / "a.db", faults=faults) as local:
        place = Place(tmp_path, local)
        place.write(EVENTS, *map(good, range(500)))
        result = place.retry(batch_size_rows=100, parallel_requests=1)
        arrived = place.arrived
    assert "does not know the API key" in str(result.error)
    assert result.outcome == "failed"
    assert len(arrived) == result.settled == 300
    left = [id_ for id_, _ in place.left]
    assert arrived + left == [nami.event_id(n) for n in range(500)]
