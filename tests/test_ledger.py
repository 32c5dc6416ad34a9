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

from target_amplitude_nami.amplitude.event import Refusal
from target_amplitude_nami.amplitude.outgoing import Outgoing
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.ledger import Ledger, Origin
from target_amplitude_nami.memory import Memory
from target_amplitude_nami.rejects import Rejects

if t.TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REFUSAL = Refusal("amplitude_invalid_field", "time", "HTTP 400: bad", 400)
LINE = b'{"type":"RECORD","stream":"events","record":{"id":"a"}}'


class Sheet(Rejects):
    """Rejects in memory that note what was written, and when it was synced."""

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes
        self.is_full = False

    def write(self, stream: str, line: bytes, refusal: Refusal) -> None:
        assert (stream, line, refusal) == ("events", LINE, REFUSAL)
        self.notes.append("reject")

    def sync(self) -> None:
        if self.is_full:
            raise OutputUnwritable("full")
        self.notes.append("sync")


class Notebook(Memory):
    """A memory that is gone with the test, and notes when it is made safe."""

    def __init__(self, notes: list[str]) -> None:
        super().__init__(None, 90, project="project")
        self.notes = notes
        self.open()

    def commit(self) -> None:
        self.notes.append("commit")


class Desk:
    """A ledger, and the events that went through it by their names."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.rejects = Sheet(self.notes)
        self.states: list[int] = []
        self.memory = Notebook(self.notes)
        self.ledger = Ledger(self.rejects, self.memory, self._write_state)
        self.events: dict[str, Outgoing] = {}
        self.fresh: Sequence[Outgoing] = []

    def _write_state(self, state: bytes) -> None:
        self.notes.append("STATE")
        self.states.append(int(state))

    def play(self, play: str) -> list[int]:
        """Do step after step: each is one character, and a name where it needs one.

        `+a` reads record a, `.a` delivers it, `=a` asks whether it must be sent, `!a`
        rejects it, `-` filters one, `h` holds one, `x` rejects one at once, and a digit
        is a STATE message.
        """
        for step in play.split():
            name = step[1:]
            match step[0]:
                case "+":
                    self.events[name] = event(
                        self.ledger.open("read", "events", LINE), name
                    )
                case ".":
                    self.ledger.delivered([self.events[each] for each in name])
                case "=":
                    self.fresh = self.ledger.sift([self.events[each] for each in name])
                case "!":
                    self.ledger.rejected(self.events[name], REFUSAL)
                case "-":
                    self.ledger.filter("read", "event_filter")
                case "h":
                    self.ledger.hold("read")
                case "x":
                    self.ledger.reject("read", "events", LINE, REFUSAL)
                case digit:
                    self.ledger.take_state(digit.encode())
        return self.states


def event(origin: Origin, name: str = "a") -> Outgoing:
    return Outgoing(name.encode(), "user", None, name, "user", origin)


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
    ],
)
def test_a_state_leaves_when_all_that_was_read_before_it_is_settled(
    play: str, states: list[int]
) -> None:
    assert Desk().play(play) == states


def test_rejects_and_memory_are_safe_before_the_state_that_covers_them() -> None:
    desk = Desk()
    desk.play("+a +b x 1 !a .b")
    assert desk.notes == ["reject", "reject", "sync", "commit", "STATE"]


def test_a_real_rejects_file_holds_them_at_the_moment_of_the_state(
    tmp_path: Path,
) -> None:
    path, found = tmp_path / "rejects.singer", list[str]()

    def write_state(_: bytes) -> None:
        found.extend(
            json.loads(line)["type"] for line in path.read_bytes().splitlines()
        )

    rejects = Rejects(path, "nami")
    ledger = Ledger(rejects, Notebook([]), write_state)
    ledger.reject("read", "events", LINE, REFUSAL)
    origin = ledger.open("read", "events", LINE)
    ledger.take_state(b"1")
    assert found == []
    ledger.rejected(event(origin), REFUSAL)
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


def test_an_event_that_was_delivered_before_is_a_duplicate() -> None:
    desk = Desk()
    assert desk.play("+a .a +a 1 =a") == [1]
    assert desk.fresh == []
    assert desk.ledger.counts().duplicate == {"read": 1}
    assert desk.ledger.counts().open == 0


def test_of_two_copies_in_one_request_the_first_is_sent() -> None:
    desk = Desk()
    desk.play("+a +b")
    first, other = desk.events.values()
    desk.play("+a")
    second = desk.events["a"]
    assert desk.ledger.sift([first, other, second]) == [first, other]
    assert desk.ledger.counts().duplicate == {"read": 1}
    assert desk.ledger.counts().open == 2


def test_a_state_waits_for_the_first_copy() -> None:
    desk = Desk()
    desk.play("+a 1")
    first = desk.events["a"]
    desk.play("+a 2")
    assert desk.ledger.sift([first, desk.events["a"]]) == [first]
    assert desk.states == []
    desk.ledger.delivered([first])
    assert desk.states == [2]


@pytest.mark.parametrize("fate", ["delivered", "rejected", "duplicate"])
def test_the_memory_forgets_a_held_record_when_it_is_settled(fate: str) -> None:
    desk = Desk()
    assert desk.memory.hold("user", "events", LINE, b"{}")
    [held] = desk.memory.held_of("user")
    waiting = event(desk.ledger.open("read", "events", LINE, held.number))
    assert list(desk.memory.held_of("user")) == [held]
    match fate:
        case "delivered":
            desk.ledger.delivered([waiting])
        case "rejected":
            desk.ledger.rejected(waiting, REFUSAL)
        case "duplicate":
            desk.memory.settle([waiting.insert_id], [])
            assert desk.ledger.sift([waiting]) == []
    assert list(desk.memory.held_of("user")) == []
    assert desk.ledger.counts().open == 0


def test_a_run_may_emit_no_state() -> None:
    desk = Desk()
    desk.ledger = Ledger(desk.rejects, desk.memory, None)
    assert desk.play("+a 1 .a 2") == []
    assert "sync" not in desk.notes


def test_every_record_is_counted_under_what_became_of_it() -> None:
    ledger = Desk().ledger
    origins = [ledger.open(label, "events", LINE) for label in ("a", "a", "a", "b")]
    ledger.filter("a", "start_date")
    ledger.filter("c", "event_filter")
    ledger.reject("c", "events", LINE, REFUSAL)
    ledger.hold("c")
    ledger.repeat("c")
    ledger.delivered([event(origins[0]), event(origins[3])])
    ledger.rejected(event(origins[1]), REFUSAL)
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
    open: dict[int, Outgoing] = dataclasses.field(default_factory=dict)
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
                model.open[model.read] = event(ledger.open("read", "events", LINE))
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
                    ledger.delivered([outgoing])
                else:
                    ledger.rejected(outgoing, REFUSAL)
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
        events.append(event(ledger.open("read", "events", LINE)))
        if number % 7 == 0:
            ledger.take_state(b"%d" % (number + 1))

    def lane(first: int) -> None:
        for number in range(first, 2000, 8):
            with lock:
                unsettled.remove(number)
            if number % 5:
                ledger.delivered([events[number]])
            else:
                ledger.rejected(events[number], REFUSAL)

    lanes = [threading.Thread(target=lane, args=[first]) for first in range(8)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    assert mistakes == []
    assert ledger.counts().open == 0
