"""The outcomes of a project's events, as its lanes report them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from target_amplitude_nami.outcomes import Origin
from target_amplitude_nami.store.profiles import SentState
from target_amplitude_nami.store.sqlite_store import SqliteStore
from tests.support.memory import sent_event
from tests.support.outcomes import LINE, ORIGIN, REFUSAL, event

if TYPE_CHECKING:
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from tests.support.outcomes import OutcomeHarness


def test_an_event_that_was_delivered_before_is_a_duplicate(
    outcomes: OutcomeHarness,
) -> None:
    assert outcomes.play("+a .a +a 1 =a") == [1]
    assert outcomes.fresh == []
    assert outcomes.ledger.counts().duplicate == {"read": 1}
    assert outcomes.ledger.counts().open == 0


def test_what_another_project_has_is_no_duplicate(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a .a +a")
    sandbox = outcomes.recorder.of_project("sandbox")
    assert sandbox.drop_delivered([outcomes.events["a"]]).to_send == [
        outcomes.events["a"]
    ]


def test_of_two_copies_in_one_request_the_first_is_sent(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a +b")
    first, other = outcomes.events.values()
    outcomes.play("+a")
    second = outcomes.events["a"]
    assert outcomes.lanes.drop_delivered([first, other, second]).to_send == [
        first,
        other,
    ]
    assert outcomes.ledger.counts().duplicate == {"read": 1}
    assert outcomes.ledger.counts().open == 2


def test_a_copy_does_not_pass_for_an_event_that_amplitude_has(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a")
    copies = [outcomes.events["a"]]
    outcomes.play("+a")
    copies.append(outcomes.events["a"])
    assert len(outcomes.lanes.drop_delivered(copies).to_send) == 1
    assert outcomes.store.delivered_among("main", [copies[0].sent_event.key]) == {}


def second_of(outcomes: OutcomeHarness, name: str, **changes: Any) -> EncodedEvent:
    """Read another record with the id and device of one, and return its event."""
    first = outcomes.events[name]
    return msgspec.structs.replace(
        first,
        body=b"another",
        sent_event=msgspec.structs.replace(first.sent_event, **changes),
        checkpoint=outcomes.recorder.open(ORIGIN.report_key),
    )


def test_the_second_of_two_with_one_id_waits_for_the_outcome_of_the_first(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a +b")
    first, other = outcomes.events.values()
    second = second_of(outcomes, "a")
    assert outcomes.lanes.drop_delivered([first, second, other]) == (
        [first],
        [second, other],
    )
    assert outcomes.lanes.drop_delivered([second, other]) == ([], [second, other])
    outcomes.lanes.delivered([first])
    assert outcomes.lanes.drop_delivered([second, other]) == ([other], [])
    assert outcomes.ledger.counts().duplicate == {"read": 1}
    assert outcomes.ledger.counts().open == 1


def test_another_user_does_not_wait_for_the_second_of_two(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a +b")
    first = outcomes.events["a"]
    other = msgspec.structs.replace(
        outcomes.events["b"], user_key="other", user_id="other"
    )
    second = second_of(outcomes, "a")
    assert outcomes.lanes.drop_delivered([first, second, other]) == (
        [first, other],
        [second],
    )


def test_the_second_of_two_goes_where_the_first_is_refused(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a")
    first, second = outcomes.events["a"], second_of(outcomes, "a")
    assert outcomes.lanes.drop_delivered([first, second]) == ([first], [second])
    outcomes.lanes.rejected(first, REFUSAL)
    assert outcomes.lanes.drop_delivered([second]) == ([second], ())
    outcomes.lanes.delivered([second])
    counts = outcomes.ledger.counts()
    assert counts.delivered == {"read": 1}
    assert counts.rejected == {("read", REFUSAL.reason): 1}
    assert counts.open == 0


def test_who_waits_lets_nobody_wait_for_it(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a +b")
    first, behind = outcomes.events.values()
    second = second_of(outcomes, "a")
    outcomes.lanes.drop_delivered([first, second, behind])
    elsewhere = msgspec.structs.replace(second_of(outcomes, "b"), user_key="other")
    assert outcomes.lanes.drop_delivered([elsewhere]) == ([elsewhere], ())


def test_an_event_that_comes_again_is_none_of_two(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a")
    first = outcomes.events["a"]
    for _ in range(3):  # as with an event whose user Amplitude throttles
        assert outcomes.lanes.drop_delivered([first]) == ([first], ())


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
    outcomes: OutcomeHarness,
    changes: dict[str, Any],
    id_conflicts: int,
    *,
    is_written: bool,
) -> None:
    outcomes.read("a", time=1_717_000_000_000)
    outcomes.play(".a")
    if is_written:
        marks = [sent_event(f"event-{number}") for number in range(30_000)]
        outcomes.store.settle("main", marks, [])
        SqliteStore.commit(outcomes.store)
    assert outcomes.lanes.drop_delivered([second_of(outcomes, "a", **changes)]) == (
        [],
        [],
    )
    counts = outcomes.ledger.counts()
    assert counts.duplicate == {"read": 1}
    assert counts.id_conflicts == id_conflicts
    assert counts.conflicting_ids == ("a",) * id_conflicts


def test_the_first_five_ids_of_conflicts_are_named(
    outcomes: OutcomeHarness,
) -> None:
    names = "abcdefg"
    for name in names:
        outcomes.read(name)
    outcomes.play(f".{names}")
    for name in "aabcdefg":
        outcomes.lanes.drop_delivered([second_of(outcomes, name, event_type="other")])
    assert outcomes.ledger.counts().id_conflicts == 8
    assert outcomes.ledger.counts().conflicting_ids == tuple("abcde")


def test_a_state_waits_for_the_first_copy(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a 1")
    first = outcomes.events["a"]
    outcomes.play("+a 2")
    assert outcomes.lanes.drop_delivered([first, outcomes.events["a"]]).to_send == [
        first
    ]
    assert outcomes.states == []
    outcomes.lanes.delivered([first])
    assert outcomes.states == [2]


@pytest.mark.parametrize("outcome", ["delivered", "rejected", "duplicate"])
def test_the_memory_forgets_a_held_record_when_it_is_settled(
    outcomes: OutcomeHarness, outcome: str
) -> None:
    assert outcomes.store.hold("user", "events", LINE, b"{}")
    [held] = outcomes.store.held_of("user")
    origin = Origin("read", "events", LINE, held.number)
    waiting = event(
        outcomes.recorder.open(origin.report_key), sent_event("a", 1), origin
    )
    assert list(outcomes.store.held_of("user")) == [held]
    match outcome:
        case "delivered":
            outcomes.lanes.delivered([waiting])
        case "rejected":
            outcomes.lanes.rejected(waiting, REFUSAL)
        case "duplicate":
            outcomes.store.settle("main", [waiting.sent_event], [])
            assert outcomes.lanes.drop_delivered([waiting]).to_send == []
    assert list(outcomes.store.held_of("user")) == []
    assert outcomes.ledger.counts().open == 0


def test_what_was_delivered_is_made_safe_once_a_second_also_without_a_state(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a +b +c .a")
    assert outcomes.notes == []
    outcomes.seconds += 1
    outcomes.play(".b .c")
    assert outcomes.notes == ["sync", "sync", "commit"]
    outcomes.seconds += 1
    outcomes.recorder.save_if_due(2)
    assert outcomes.notes == ["sync", "sync", "commit"]
    outcomes.seconds += 1
    outcomes.recorder.save_if_due(2)
    assert outcomes.notes == ["sync", "sync", "commit"] * 2


def test_what_does_not_fit_in_ram_is_made_safe_at_once(
    outcomes: OutcomeHarness,
) -> None:
    outcomes.play("+a")
    marks = [sent_event(f"event-{number}", number) for number in range(50_000)]
    outcomes.store.settle("main", marks, [])
    outcomes.play(".a")
    assert outcomes.notes == ["sync", "sync", "commit"]


@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("first_is_delivered", [True, False])
def test_a_duplicate_makes_its_users_state_uncertain_unless_it_repeats_it(
    outcomes: OutcomeHarness, *, first_is_delivered: bool, repeats: bool
) -> None:
    outcomes.play("+a")
    first = outcomes.events["a"]
    states = outcomes.store.sent_states["main"]
    states.put(first.target, SentState(properties_hash=7, key=first.sent_event.key))
    outcomes.lanes.drop_delivered([first])
    if first_is_delivered:
        outcomes.lanes.delivered([first])
    outcomes.play("+a")
    again = msgspec.structs.replace(outcomes.events["a"], repeats_last_state=repeats)
    assert outcomes.lanes.drop_delivered([again]).to_send == []
    outcomes.store.apply_invalidations()
    assert states.get(first.target).properties_hash == (7 if repeats else None)
