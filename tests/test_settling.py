"""What becomes of the events of a project: in the memory first, then in the ledger."""

from __future__ import annotations

import msgspec
import pytest

from target_amplitude_nami.memory import mark_of
from target_amplitude_nami.settling import Settling
from tests.support.books import LINE, REFUSAL, Desk, event


def test_an_event_that_was_delivered_before_is_a_duplicate() -> None:
    desk = Desk()
    assert desk.play("+a .a +a 1 =a") == [1]
    assert desk.fresh == []
    assert desk.ledger.counts().duplicate == {"read": 1}
    assert desk.ledger.counts().open == 0


def test_what_another_project_has_is_no_duplicate() -> None:
    desk = Desk()
    desk.play("+a .a +a")
    sandbox = Settling(desk.ledger, desk.memory, "sandbox")
    assert sandbox.sift([desk.events["a"]]) == [desk.events["a"]]


def test_of_two_copies_in_one_request_the_first_is_sent() -> None:
    desk = Desk()
    desk.play("+a +b")
    first, other = desk.events.values()
    desk.play("+a")
    second = desk.events["a"]
    assert desk.settling.sift([first, other, second]) == [first, other]
    assert desk.ledger.counts().duplicate == {"read": 1}
    assert desk.ledger.counts().open == 2


def test_a_copy_does_not_pass_for_an_event_that_amplitude_has() -> None:
    desk = Desk()
    desk.play("+a")
    copies = [desk.events["a"]] * 2
    assert len(desk.settling.sift(copies)) == 1
    assert desk.memory.delivered_among("main", [mark_of("a", None)]) == set()


def test_two_that_have_an_id_in_common_both_go_and_have_a_fate_each() -> None:
    desk = Desk()
    desk.play("+a")
    first = desk.events["a"]
    desk.play("+a")
    mended = msgspec.structs.replace(desk.events["a"], body=b"mended")
    assert desk.settling.sift([first, mended]) == [first, mended]
    desk.settling.rejected(first, REFUSAL)
    assert desk.ledger.counts().open == 1
    desk.settling.delivered([mended])
    counts = desk.ledger.counts()
    assert counts.delivered == {"read": 1}
    assert counts.rejected == {("read", REFUSAL.reason): 1}
    assert counts.open == 0


def test_a_state_waits_for_the_first_copy() -> None:
    desk = Desk()
    desk.play("+a 1")
    first = desk.events["a"]
    desk.play("+a 2")
    assert desk.settling.sift([first, desk.events["a"]]) == [first]
    assert desk.states == []
    desk.settling.delivered([first])
    assert desk.states == [2]


@pytest.mark.parametrize("fate", ["delivered", "rejected", "duplicate"])
def test_the_memory_forgets_a_held_record_when_it_is_settled(fate: str) -> None:
    desk = Desk()
    assert desk.memory.hold("user", "events", LINE, b"{}")
    [held] = desk.memory.held_of("user")
    origin = desk.ledger.open("read", "events", LINE, mark_of("a", 1), held.number)
    waiting = event(origin)
    assert list(desk.memory.held_of("user")) == [held]
    match fate:
        case "delivered":
            desk.settling.delivered([waiting])
        case "rejected":
            desk.settling.rejected(waiting, REFUSAL)
        case "duplicate":
            desk.memory.settle("main", [origin.mark], [])
            assert desk.settling.sift([waiting]) == []
    assert list(desk.memory.held_of("user")) == []
    assert desk.ledger.counts().open == 0


def test_what_was_learnt_is_made_safe_also_without_a_state() -> None:
    desk = Desk()
    desk.play("+a")
    marks = [mark_of(f"event-{number}", number) for number in range(30_000)]
    desk.memory.settle("main", marks, [])
    desk.play(".a")
    assert desk.notes == ["sync", "sync", "commit"]
