"""Every record accounted for, and STATE as a watermark."""

from __future__ import annotations

import dataclasses
import json
import threading
import typing as t
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.accounting.ledger import Ledger
from target_amplitude_nami.accounting.outcome_recorder import OutcomeRecorder
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.singer.rejects import RejectsFile
from tests.support.books import LINE, REFUSAL, Desk, Notebook, Sheet, event
from tests.support.memory import mark_of

if t.TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from target_amplitude_nami.amplitude.event import EncodedEvent


MARK = mark_of("a", None)


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
    play: str, states: list[int]
) -> None:
    assert Desk().play(play) == states


def test_rejects_and_memory_are_safe_before_the_state_that_covers_them() -> None:
    desk = Desk()
    desk.play("+a +b x 1 !a .b")
    # Once more within the commit, for what was rejected between the two.
    assert desk.notes == ["reject", "reject", "sync", "sync", "commit", "STATE"]


def test_a_real_rejects_file_holds_them_at_the_moment_of_the_state(
    tmp_path: Path,
) -> None:
    path, found = tmp_path / "rejects.singer", list[str]()

    def write_state(_: bytes) -> None:
        found.extend(
            json.loads(line)["type"] for line in path.read_bytes().splitlines()
        )

    rejects = RejectsFile(path, "nami")
    memory = Notebook([])
    ledger = Ledger(rejects, memory, write_state)
    ledger.reject("read", "events", LINE, REFUSAL)
    origin = ledger.open("read", "events", LINE, MARK)
    ledger.take_state(b"1")
    assert found == []
    OutcomeRecorder(ledger, memory, "main").rejected(event(origin), REFUSAL)
    assert found == ["RECORD", "RECORD"]
    rejects.close()


def test_after_a_reject_was_lost_no_later_state_is_written() -> None:
    desk = Desk()
    desk.play("+a +b 1 +c 2 .a")
    desk.rejects.is_full = True
    with pytest.raises(OutputUnwritable):
        desk.play("!b")
    desk.rejects.is_full = False  # a disk may forget what it did not take
    assert desk.play(".c 3") == []


def test_a_run_may_emit_no_state() -> None:
    desk = Desk()
    desk.ledger = Ledger(desk.rejects, desk.memory, None)
    desk.settling = OutcomeRecorder(desk.ledger, desk.memory, "main")
    assert desk.play("+a 1 .a 2") == []
    assert "sync" not in desk.notes


def test_every_record_is_counted_under_what_became_of_it() -> None:
    ledger = Desk().ledger
    origins = [
        ledger.open(label, "events", LINE, MARK) for label in ("a", "a", "a", "b")
    ]
    ledger.filter("a", "start_date")
    ledger.filter("c", "event_filter")
    ledger.reject("c", "events", LINE, REFUSAL)
    ledger.hold("c")
    ledger.repeat("c")
    ledger.settle_delivered([event(origins[0]), event(origins[3])])
    ledger.settle_rejected(event(origins[1]), REFUSAL)
    counts = ledger.counts()
    assert counts.read == {"a": 4, "b": 1, "c": 4}
    assert counts.held == {"c": 1}
    assert counts.duplicate == {"c": 1}
    assert counts.delivered == {"a": 1, "b": 1}
    assert counts.filtered == {("a", "start_date"): 1, ("c", "event_filter"): 1}
    assert counts.rejected == {("a", REFUSAL.reason): 1, ("c", REFUSAL.reason): 1}
    assert counts.open == 1


def test_counts_are_those_of_the_moment() -> None:
    ledger = Desk().ledger
    before = ledger.counts()
    ledger.filter("a", "start_date")
    assert before.read == {}


steps = st.one_of(
    st.sampled_from(["read", "read", "filter", "reject", "state"]),
    st.tuples(st.sampled_from(["delivered", "rejected"]), st.integers(0, 1000)),
)


@dataclasses.dataclass
class Model:
    """What is true: which records are open, and which stood before which STATE."""

    read: int = 0
    open: dict[int, EncodedEvent] = dataclasses.field(default_factory=dict)
    state_after: list[int] = dataclasses.field(default_factory=list)

    @property
    def newest(self) -> int:
        """The number of the newest STATE before which nothing is open; 0 for none."""
        first_open = min(self.open, default=self.read)
        return sum(after <= first_open for after in self.state_after)


@given(st.lists(steps, max_size=60))
def test_state_is_always_the_newest_that_covers_no_open_record(
    play: Sequence[str | tuple[str, int]],
) -> None:
    desk, model = Desk(), Model()
    ledger = desk.ledger
    settled = Counter[str]()
    for step in play:
        match step:
            case "read":
                origin = ledger.open("read", "events", LINE, MARK)
                model.open[model.read] = event(origin)
                model.read += 1
            case "filter":
                ledger.filter("read", "event_filter")
                model.read += 1
            case "reject":
                ledger.reject("read", "events", LINE, REFUSAL)
                model.read += 1
            case "state":
                model.state_after.append(model.read)
                ledger.take_state(b"%d" % len(model.state_after))
            case (what, choice) if model.open:
                number = sorted(model.open)[choice % len(model.open)]
                outgoing = model.open.pop(number)
                if what == "delivered":
                    ledger.settle_delivered([outgoing])
                else:
                    ledger.settle_rejected(outgoing, REFUSAL)
                settled[what] += 1
        assert (desk.states or [0])[-1] == model.newest
        assert desk.states == sorted(set(desk.states))
        counts = ledger.counts()
        assert sum(counts.read.values()) == model.read
        assert counts.open == len(model.open)
        assert sum(counts.delivered.values()) == settled["delivered"]


def test_many_lanes_settle_at_once_and_no_state_comes_too_early() -> None:
    lock, unsettled, mistakes = threading.Lock(), set(range(2000)), list[int]()

    def write_state(state: bytes) -> None:
        # An event leaves the set before the ledger hears of it.
        with lock:
            mistakes.extend(n for n in unsettled if n < int(state))

    ledger = Ledger(Sheet([]), Notebook([]), write_state)
    events = []
    for number in range(2000):
        events.append(event(ledger.open("read", "events", LINE, MARK)))
        if number % 7 == 0:
            ledger.take_state(b"%d" % (number + 1))

    def lane(first: int) -> None:
        for number in range(first, 2000, 8):
            with lock:
                unsettled.remove(number)
            if number % 5:
                ledger.settle_delivered([events[number]])
            else:
                ledger.settle_rejected(events[number], REFUSAL)

    lanes = [threading.Thread(target=lane, args=[first]) for first in range(8)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    assert mistakes == []
    assert ledger.counts().open == 0
