"""Every record counted, and STATE as a watermark."""

from __future__ import annotations

import dataclasses
import threading
import typing as t
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.accounting.ledger import Ledger
from tests.support.memory import sent_event
from tests.support.outcomes import ORIGIN, event, with_report_key

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from target_amplitude_nami.amplitude.event import EncodedEvent

SENT = sent_event("a", None)


def opened(ledger: Ledger, report_key: str = "read") -> EncodedEvent:
    """Read a record, and return its event."""
    return event(ledger.open(report_key), SENT, with_report_key(report_key))


def test_every_record_is_counted_under_its_outcome() -> None:
    ledger = Ledger()
    events = [opened(ledger, report_key) for report_key in ("a", "a", "a", "b")]
    ledger.filter("a", "start_date")
    ledger.filter("c", "event_filter")
    ledger.reject("c", "bad")
    ledger.hold("c")
    ledger.repeat("c")
    ledger.settle_delivered([events[0], events[3]])
    ledger.settle_rejected(events[1], "bad")
    counts = ledger.counts()
    assert counts.read == {"a": 4, "b": 1, "c": 4}
    assert counts.held == {"c": 1}
    assert counts.duplicate == {"c": 1}
    assert counts.delivered == {"a": 1, "b": 1}
    assert counts.filtered == {("a", "start_date"): 1, ("c", "event_filter"): 1}
    assert counts.rejected == {("a", "bad"): 1, ("c", "bad"): 1}
    assert counts.open == 1


def test_counts_are_those_of_the_moment() -> None:
    ledger = Ledger()
    before = ledger.counts()
    ledger.filter("a", "start_date")
    assert before.read == {}


def test_a_state_is_taken_once() -> None:
    ledger = Ledger()
    ledger.take_state(b"1")
    assert [ledger.take_released_state() for _ in range(2)] == [b"1", b""]
    assert not ledger.has_state_to_release


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
    released: list[int] = dataclasses.field(default_factory=list)

    @property
    def newest(self) -> int:
        """The number of the newest STATE before which nothing is open; 0 for none."""
        first_open = min(self.open, default=self.read)
        return sum(after <= first_open for after in self.state_after)


@given(st.lists(steps, max_size=60))
def test_the_state_released_is_the_newest_that_covers_no_open_record(
    play: Sequence[str | tuple[str, int]],
) -> None:
    ledger, model = Ledger(), Model()
    settled = Counter[str]()
    for step in play:
        match step:
            case "read":
                model.open[model.read] = opened(ledger)
                model.read += 1
            case "filter":
                ledger.filter("read", "event_filter")
                model.read += 1
            case "reject":
                ledger.reject("read", "bad")
                model.read += 1
            case "state":
                model.state_after.append(model.read)
                ledger.take_state(b"%d" % len(model.state_after))
            case (what, choice) if model.open:
                number = sorted(model.open)[choice % len(model.open)]
                taken = model.open.pop(number)
                if what == "delivered":
                    ledger.settle_delivered([taken])
                else:
                    ledger.settle_rejected(taken, "bad")
                settled[what] += 1
        if ledger.has_state_to_release:
            model.released.append(int(ledger.take_released_state()))
        assert (model.released or [0])[-1] == model.newest
        assert model.released == sorted(set(model.released))
        counts = ledger.counts()
        assert sum(counts.read.values()) == model.read
        assert counts.open == len(model.open)
        assert sum(counts.delivered.values()) == settled["delivered"]


@pytest.mark.parametrize("outcome", ["delivered", "rejected"])
def test_many_lanes_settle_at_once_and_no_state_comes_too_early(outcome: str) -> None:
    lock, unsettled, mistakes = threading.Lock(), set(range(1000)), list[int]()
    ledger = Ledger()
    events = []
    for number in range(1000):
        events.append(event(ledger.open("read"), SENT, ORIGIN))
        if number % 7 == 0:
            ledger.take_state(b"%d" % (number + 1))

    def lane(first: int) -> None:
        for number in range(first, 1000, 8):
            with lock:  # an event leaves the set before the ledger hears of it
                unsettled.remove(number)
            if outcome == "delivered":
                ledger.settle_delivered([events[number]])
            else:
                ledger.settle_rejected(events[number], "bad")
            if ledger.has_state_to_release:
                state = ledger.take_released_state()
                with lock:
                    mistakes.extend(n for n in unsettled if state and n < int(state))

    lanes = [threading.Thread(target=lane, args=[first]) for first in range(8)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    assert mistakes == []
    assert ledger.counts().open == 0
