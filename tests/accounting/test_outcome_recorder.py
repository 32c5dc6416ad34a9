"""What becomes of the events of a project: in the memory first, then in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from target_amplitude_nami.accounting.outcome_recorder import OutcomeRecorder
from target_amplitude_nami.store.sqlite_store import SqliteStore
from tests.support.books import LINE, REFUSAL, Desk, event
from tests.support.memory import mark_of

if TYPE_CHECKING:
    from target_amplitude_nami.amplitude.event import EncodedEvent


def test_an_event_that_was_delivered_before_is_a_duplicate() -> None:
    desk = Desk()
    assert desk.play("+a .a +a 1 =a") == [1]
    assert desk.fresh == []
    assert desk.ledger.counts().duplicate == {"read": 1}
    assert desk.ledger.counts().open == 0


def test_what_another_project_has_is_no_duplicate() -> None:
    desk = Desk()
    desk.play("+a .a +a")
    sandbox = OutcomeRecorder(desk.ledger, desk.memory, "sandbox")
    assert sandbox.sift([desk.events["a"]]).fresh == [desk.events["a"]]


def test_of_two_copies_in_one_request_the_first_is_sent() -> None:
    desk = Desk()
    desk.play("+a +b")
    first, other = desk.events.values()
    desk.play("+a")
    second = desk.events["a"]
    assert desk.settling.sift([first, other, second]).fresh == [first, other]
    assert desk.ledger.counts().duplicate == {"read": 1}
    assert desk.ledger.counts().open == 2


def test_a_copy_does_not_pass_for_an_event_that_amplitude_has() -> None:
    desk = Desk()
    desk.play("+a")
    copies = [desk.events["a"]]
    desk.play("+a")
    copies.append(desk.events["a"])
    assert len(desk.settling.sift(copies).fresh) == 1
    assert desk.memory.delivered_among("main", [copies[0].origin.mark.key]) == {}


def twin_of(desk: Desk, name: str, **changes: Any) -> EncodedEvent:
    """Read another record with the id and device of one, and return its event."""
    first = desk.events[name]
    mark = msgspec.structs.replace(first.origin.mark, **changes)
    origin = desk.ledger.open("read", "events", LINE, mark)
    return msgspec.structs.replace(first, body=b"another", origin=origin)


def test_the_second_of_two_with_one_id_waits_for_the_outcome_of_the_first() -> None:
    desk = Desk()
    desk.play("+a +b")
    first, other = desk.events.values()
    twin = twin_of(desk, "a")
    assert desk.settling.sift([first, twin, other]) == ([first], [twin, other])
    assert desk.settling.sift([twin, other]) == ([], [twin, other])
    desk.settling.delivered([first])
    assert desk.settling.sift([twin, other]) == ([other], [])
    assert desk.ledger.counts().duplicate == {"read": 1}
    assert desk.ledger.counts().open == 1


def test_another_user_does_not_wait_for_the_second_of_two() -> None:
    desk = Desk()
    desk.play("+a +b")
    first = desk.events["a"]
    other = msgspec.structs.replace(desk.events["b"], user_key="other", user_id="other")
    twin = twin_of(desk, "a")
    assert desk.settling.sift([first, twin, other]) == ([first, other], [twin])


def test_the_second_of_two_goes_where_the_first_is_refused() -> None:
    desk = Desk()
    desk.play("+a")
    first, twin = desk.events["a"], twin_of(desk, "a")
    assert desk.settling.sift([first, twin]) == ([first], [twin])
    desk.settling.rejected(first, REFUSAL)
    assert desk.settling.sift([twin]) == ([twin], ())
    desk.settling.delivered([twin])
    counts = desk.ledger.counts()
    assert counts.delivered == {"read": 1}
    assert counts.rejected == {("read", REFUSAL.reason): 1}
    assert counts.open == 0


def test_who_waits_lets_nobody_wait_for_it() -> None:
    desk = Desk()
    desk.play("+a +b")
    first, behind = desk.events.values()
    twin = twin_of(desk, "a")
    desk.settling.sift([first, twin, behind])
    elsewhere = msgspec.structs.replace(twin_of(desk, "b"), user_key="other")
    assert desk.settling.sift([elsewhere]) == ([elsewhere], ())


def test_an_event_that_comes_again_is_none_of_two() -> None:
    desk = Desk()
    desk.play("+a")
    first = desk.events["a"]
    for _ in range(3):  # as one whom Amplitude wants to wait
        assert desk.settling.sift([first]) == ([first], ())


@pytest.mark.parametrize(
    ("changes", "id_conflicts"),
    [
        ({}, 0),
        ({"time": 1_717_000_000_999}, 0),  # another tap rounds the time
        ({"time": 1_717_000_001_000}, 1),
        ({"time": 1_817_000_000_000}, 1),
        ({"event_type": "device.session.start"}, 1),
        ({"time": None}, 0),
    ],
)
@pytest.mark.parametrize("is_written", [False, True])
def test_a_second_event_of_another_type_or_time_is_an_id_conflict(
    changes: dict[str, Any], id_conflicts: int, *, is_written: bool
) -> None:
    desk = Desk()
    origin = desk.ledger.open("read", "events", LINE, mark_of("a"))
    desk.events["a"] = event(origin)
    desk.play(".a")
    if is_written:
        marks = [mark_of(f"event-{number}") for number in range(30_000)]
        desk.memory.settle("main", marks, [])
        SqliteStore.commit(desk.memory)
    assert desk.settling.sift([twin_of(desk, "a", **changes)]) == ([], [])
    counts = desk.ledger.counts()
    assert counts.duplicate == {"read": 1}
    assert counts.id_conflicts == id_conflicts
    assert counts.conflicting_ids == ("a",) * id_conflicts


def test_the_first_five_ids_of_conflicts_are_named() -> None:
    desk = Desk()
    names = "abcdefg"
    for name in names:
        origin = desk.ledger.open("read", "events", LINE, mark_of(name))
        desk.events[name] = event(origin, name)
    desk.play(f".{names}")
    for name in "aabcdefg":
        desk.settling.sift([twin_of(desk, name, event_type="other")])
    assert desk.ledger.counts().id_conflicts == 8
    assert desk.ledger.counts().conflicting_ids == tuple("abcde")


def test_a_state_waits_for_the_first_copy() -> None:
    desk = Desk()
    desk.play("+a 1")
    first = desk.events["a"]
    desk.play("+a 2")
    assert desk.settling.sift([first, desk.events["a"]]).fresh == [first]
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
            assert desk.settling.sift([waiting]).fresh == []
    assert list(desk.memory.held_of("user")) == []
    assert desk.ledger.counts().open == 0


def test_what_was_learnt_is_made_safe_also_without_a_state() -> None:
    desk = Desk()
    desk.play("+a")
    marks = [mark_of(f"event-{number}", number) for number in range(30_000)]
    desk.memory.settle("main", marks, [])
    desk.play(".a")
    assert desk.notes == ["sync", "sync", "commit"]
