"""Outcomes recorded in one order, and STATE after all that it covers."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.accounting.ledger import Ledger
from target_amplitude_nami.accounting.outcome_recorder import OutcomeRecorder
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.outcomes import Origin
from target_amplitude_nami.singer.rejects import RejectsFile
from tests.support.memory import sent_event
from tests.support.outcomes import LINE, ORIGIN, REFUSAL, NotedStore, event

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.outcomes import OutcomeHarness


@pytest.mark.parametrize(
    ("play", "states"),
    [
        ("1", [1]),
        ("1 2 3", [1, 2, 3]),
        ("- x h 1", [1]),
        ("+a 1", []),
        ("+a .a 1", [1]),
        ("+a 1 .a", [1]),
        ("+a !a 1", [1]),
        ("+a 1 !a", [1]),
        ("+a 1 .a 2", [1, 2]),
        ("+a 1 2 .a", [2]),
        ("+a 1 - 2 x 3 .a", [3]),
        ("+a +b 1 .a", []),
        ("+a +b 1 .ab", [1]),
        ("+a 1 +b 2 .a", [1]),
        ("+a 1 +b 2 .b", []),
        ("+a 1 +b 2 .b .a", [2]),
        ("+a 1 +b 2 .ab", [2]),
        ("+a 1 +b 2 .a .b", [1, 2]),
        ("+a 1 +b 2 +c 3 .c .b .a", [3]),
        ("+a 1 +b 2 +c 3 .c .a .b", [1, 3]),
        ("+a 1 +b 2 3 +c 4 .b .a", [3]),
        ("1 +a 2 .a 3", [1, 2, 3]),
        ("+a 1 +b !b 2 !a", [2]),
        ("+a .a", []),
        ("1 [ 2", [1]),
        ("1 [ 2 ]", [1, 2]),
        ("1 [ 2 3 ] 4", [1, 3, 4]),
        ("+a 1 [ - 2 .a", [1]),
        ("+a 1 [ - 2 ] .a", [2]),
        ("+a 1 [ - 2 +b 3 .a .b", [1]),
        ("+a 1 [ - 2 +b 3 .a ] .b", [1, 2, 3]),
        ("] 1", [1]),
    ],
)
def test_a_state_leaves_when_all_that_was_read_before_it_is_settled(
    outcomes: OutcomeHarness, play: str, states: list[int]
) -> None:
    assert outcomes.play(play) == states


def test_rejects_and_store_are_safe_before_the_state_that_covers_them(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a +b x 1 !a .b")
    # Once more within the commit, for what was rejected between the two.
    assert outcomes.notes == ["reject", "reject", "sync", "sync", "commit", "STATE"]


def test_a_real_rejects_file_holds_them_at_the_moment_of_the_state(
    tmp_path: Path,
) -> None:
    path, found = tmp_path / "rejects.singer", list[str]()

    def write_state(_: bytes) -> None:
        found.extend(
            json.loads(line)["type"] for line in path.read_bytes().splitlines()
        )

    rejects, store = RejectsFile(path, "nami"), NotedStore([])
    recorder = OutcomeRecorder(Ledger(), rejects, store, write_state)
    recorder.reject(ORIGIN, REFUSAL)
    sent = event(recorder.open(ORIGIN.report_key), sent_event("a", None))
    recorder.state.take(b"1")
    assert found == []
    recorder.of_project("main").rejected(sent, REFUSAL)
    assert found == ["RECORD", "RECORD"]
    rejects.close()
    store.close()


def test_after_a_reject_was_lost_no_later_state_is_written(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a +b 1 +c 2 .a")
    outcomes.rejects.is_full = True
    with pytest.raises(OutputUnwritable):
        outcomes.play("!b")
    outcomes.rejects.is_full = False  # a disk may forget what it did not take
    assert outcomes.play(".c 3") == []


def test_a_run_may_emit_no_state(silent_outcomes: OutcomeHarness) -> None:
    assert silent_outcomes.play("+a 1 .a 2") == []
    assert "sync" not in silent_outcomes.notes


class SlowDisk:
    """What a commit waits for, and what shows that it has begun."""

    def __init__(self) -> None:
        """Begin with no commit."""
        self.is_writing, self.may_go_on = threading.Event(), threading.Event()


@pytest.fixture
def slow_disk(outcomes: OutcomeHarness, monkeypatch: pytest.MonkeyPatch) -> SlowDisk:
    """Return the disk of a store that commits only when the test lets it."""
    disk, commit = SlowDisk(), outcomes.store.commit

    def commit_slowly(first: Callable[[], None]) -> None:
        disk.is_writing.set()
        assert disk.may_go_on.wait(timeout=10)
        commit(first)

    monkeypatch.setattr(outcomes.store, "commit", commit_slowly)
    return disk


def test_no_thread_waits_for_another_one_that_writes_a_state(
    outcomes: OutcomeHarness, slow_disk: SlowDisk
) -> None:
    outcomes.play("+a 1 +b 2")
    lane = threading.Thread(target=lambda: outcomes.play(".a"))
    lane.start()
    assert slow_disk.is_writing.wait(timeout=10)
    outcomes.play(".b +c 3")  # by this thread, while the disk takes its time
    assert outcomes.states == []
    slow_disk.may_go_on.set()
    lane.join(timeout=10)
    assert outcomes.states == [1, 2]


def test_after_the_end_no_state_is_written(outcomes: OutcomeHarness) -> None:
    outcomes.play("+a 1")
    outcomes.recorder.state.close()
    assert outcomes.play(".a 2") == []


def test_the_end_waits_until_a_state_is_written_as_a_whole(
    outcomes: OutcomeHarness, slow_disk: SlowDisk
) -> None:
    outcomes.play("+a 1")
    lane = threading.Thread(target=lambda: outcomes.play(".a"))
    lane.start()
    assert slow_disk.is_writing.wait(timeout=10)
    end = threading.Thread(target=outcomes.recorder.state.close)
    end.start()
    end.join(timeout=0.05)
    assert end.is_alive()
    slow_disk.may_go_on.set()
    end.join(timeout=10)
    assert outcomes.states == [1]
    lane.join(timeout=10)


def test_a_held_record_is_forgotten_once_it_is_filtered_or_rejected(
    outcomes: OutcomeHarness,
) -> None:
    for number in range(2):
        outcomes.recorder.hold(ORIGIN, "user", b"%d" % number, is_of_now=False)
    held = [each.number for each in outcomes.store.held_of("user")]
    filtered, rejected = (Origin("read", "events", LINE, number) for number in held)
    outcomes.recorder.filter(filtered, "before_start_date")
    outcomes.recorder.reject(rejected, REFUSAL)
    assert list(outcomes.store.held_of("user")) == []


def test_a_record_that_is_held_already_is_a_duplicate(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("h h")
    counts = outcomes.ledger.counts()
    assert (counts.held, counts.duplicate) == ({"read": 1}, {"read": 1})


def test_a_released_record_has_its_schema_before_its_rejects(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.recorder.note_unheld("events")
    assert outcomes.notes == ["declare events"]
    assert outcomes.ledger.counts().released == 1
