"""What Amplitude was told of users and devices: what is late, what says nothing new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from target_amplitude_nami.amplitude.event import AmplitudeEvent
from target_amplitude_nami.nami.state import NO_STATE, UserState
from target_amplitude_nami.outcomes import dedup_key
from target_amplitude_nami.pipeline.freshness import FreshnessTracker, in_turn
from target_amplitude_nami.pipeline.mapping import Identity
from target_amplitude_nami.store.profiles import NEVER_SENT, SentState, properties_hash
from tests.support.memory import remember

if TYPE_CHECKING:
    from collections.abc import Iterator

USER: Final = Identity("user", "device")
ELSEWHERE: Final = Identity("user", "another device")
WITHOUT_DEVICE: Final = Identity("user", None)
DEVICE: Final = Identity(None, "device")
OTHER: Final = Identity("other", "device")

MONTHLY: Final = UserState(active_skus=["monthly"])
YEARLY: Final = UserState(active_skus=["yearly"])
THIS_RUN, LATEST = 7, 1_000


def said(state: UserState) -> dict[str, Any]:
    """Return the user properties of a state."""
    return {"namiml_active_skus": state.active_skus} if state.active_skus else {}


def told_by_identify(time: int, state: UserState, insert_id: str) -> SentState:
    """Return what is known of who was told a state by a `$identify` of this run."""
    return told_by(insert_id, time, state, was_identify=True)


def told_by(
    insert_id: str,
    time: int | None = None,
    state: UserState = NO_STATE,
    *,
    was_identify: bool = False,
    run: int = THIS_RUN,
) -> SentState:
    """Return what is known of who was told a state by an event."""
    key = dedup_key(insert_id, "device", "user")
    return SentState(
        time, properties_hash(said(state)), insert_id, run, was_identify, key
    )


class Amplitude:
    """The targets of a project, and what they are told one after the other."""

    def __init__(self) -> None:
        self.memory = remember(None)
        self.targets = FreshnessTracker(
            self.memory.sent_states["main"], THIS_RUN, lambda time: time > LATEST
        )
        self._events = 0

    def tell(
        self,
        identity: Identity,
        state: UserState,
        time: int | None,
        *,
        is_skipped: bool = False,
    ) -> None:
        """Tell a target of a state, in an event with an insert id of its own."""
        self._events += 1
        event = AmplitudeEvent(
            event_type="$identify",
            insert_id=f"event-{self._events}",
            user_id=identity.user_id,
            device_id=identity.device_id,
            user_properties={"$set": said(state)},
            skip_user_properties_sync=is_skipped,
        )
        told = self.targets.told(identity)
        key = dedup_key(event.insert_id, identity.device_id, identity.user_id)
        self.targets.note(identity, told, state, time, event, key=key)

    def finds_late(self, identity: Identity, time: int | None) -> bool:
        """Return whether a record of this time is late."""
        return self.targets.is_late(identity, self.targets.told(identity), time)


@pytest.fixture
def amplitude() -> Iterator[Amplitude]:
    amplitude = Amplitude()
    yield amplitude
    amplitude.memory.close()


# What is late


@pytest.mark.parametrize("identity", [USER, DEVICE, WITHOUT_DEVICE])
def test_who_was_never_told_anything_is_never_told_late(
    amplitude: Amplitude, identity: Identity
) -> None:
    assert not amplitude.finds_late(identity, 1)


@pytest.mark.parametrize(("time", "is_late"), [(4, True), (5, False), (6, False)])
def test_what_is_older_than_what_was_told_is_late(
    amplitude: Amplitude, time: int, *, is_late: bool
) -> None:
    amplitude.tell(USER, YEARLY, 5)
    assert amplitude.finds_late(USER, time) is is_late
    assert not amplitude.finds_late(USER, None)


@pytest.mark.parametrize(
    ("told", "named", "is_late"),
    [
        (USER, USER, True),
        (USER, ELSEWHERE, True),
        (USER, WITHOUT_DEVICE, True),
        (USER, OTHER, False),
        # What a user is told stays his when another one uses the device.
        (USER, DEVICE, False),
        (DEVICE, DEVICE, True),
        # What a device was told alone goes to the user whom it joins ...
        (DEVICE, USER, True),
        (DEVICE, OTHER, True),
        # ... and to no other.
        (DEVICE, ELSEWHERE, False),
        (DEVICE, WITHOUT_DEVICE, False),
    ],
)
def test_late_goes_by_whom_amplitude_was_told_of(
    amplitude: Amplitude, told: Identity, named: Identity, *, is_late: bool
) -> None:
    amplitude.tell(told, YEARLY, 5)
    assert amplitude.finds_late(named, 4) is is_late
    assert not amplitude.finds_late(named, 5)


def test_what_was_seen_counts_even_if_it_changed_nothing(amplitude: Amplitude) -> None:
    amplitude.tell(USER, YEARLY, 5, is_skipped=True)
    assert amplitude.finds_late(USER, 4)
    assert amplitude.targets.told(USER) == SentState(5)


def test_a_late_event_makes_no_event_less_late(amplitude: Amplitude) -> None:
    amplitude.tell(USER, YEARLY, 5)
    amplitude.tell(USER, MONTHLY, 3)
    assert amplitude.finds_late(USER, 4)


def test_what_says_nothing_moves_nothing(amplitude: Amplitude) -> None:
    amplitude.tell(USER, NO_STATE, 9)
    assert amplitude.targets.told(USER) == NEVER_SENT
    amplitude.tell(USER, YEARLY, 5)
    before = amplitude.targets.told(USER)
    amplitude.tell(USER, NO_STATE, 9)
    assert amplitude.targets.told(USER) == before


@pytest.mark.parametrize("time", [None, LATEST + 1])
def test_without_a_credible_time_a_state_is_told_and_makes_nothing_late(
    amplitude: Amplitude, time: int | None
) -> None:
    amplitude.tell(USER, YEARLY, 5)
    amplitude.tell(USER, MONTHLY, time)
    assert amplitude.targets.told(USER).properties_hash == properties_hash(said(MONTHLY))
    assert amplitude.finds_late(USER, 4)
    assert not amplitude.finds_late(USER, 5)


# What was told last


def test_what_was_told_last_is_what_is_known_of_it(amplitude: Amplitude) -> None:
    amplitude.tell(USER, YEARLY, 5)
    amplitude.tell(USER, MONTHLY, 3)  # it may be sent all the same
    assert amplitude.targets.told(USER) == told_by_identify(5, MONTHLY, "event-2")
    assert amplitude.targets.told(OTHER) == NEVER_SENT


def test_what_was_skipped_was_not_told(amplitude: Amplitude) -> None:
    amplitude.tell(USER, YEARLY, 5)
    amplitude.tell(USER, MONTHLY, 6, is_skipped=True)
    assert amplitude.targets.told(USER) == told_by_identify(6, YEARLY, "event-1")


def test_what_holds_still_holds_as_of_later(amplitude: Amplitude) -> None:
    amplitude.tell(USER, YEARLY, 5)
    amplitude.targets.note_unchanged(USER, amplitude.targets.told(USER), 8)
    assert amplitude.finds_late(USER, 7)
    assert amplitude.targets.told(USER).insert_id == "event-1"


@pytest.mark.parametrize(("run", "expected"), [(THIS_RUN, True), (6, False)])
def test_another_run_may_have_ended_before_it_told_anything(
    amplitude: Amplitude, run: int, *, expected: bool
) -> None:
    told = told_by("event", 5, YEARLY, run=run)
    assert amplitude.targets.was_told_in_this_run(told) is expected


# Whose turn it is, without a time


def turn(told: SentState, *, is_repeat: bool = False) -> str:
    """Return the insert id of a `$identify` that comes after what was told."""
    event = AmplitudeEvent(event_type="$identify", insert_id="own", user_id="user")
    return in_turn(event, told, is_repeat=is_repeat).insert_id


def test_the_first_has_an_id_of_its_own() -> None:
    assert turn(NEVER_SENT) == "own"


def test_what_says_the_same_again_is_a_copy() -> None:
    told = told_by("identify", was_identify=True)
    assert turn(told, is_repeat=True) == "identify"


def test_no_identify_takes_the_id_of_an_event_that_said_it() -> None:
    assert turn(told_by("event"), is_repeat=True) not in {"event", "own"}


def test_what_the_device_was_told_alone_since_is_news_to_its_user(
    amplitude: Amplitude,
) -> None:
    amplitude.tell(USER, MONTHLY, 5)
    again = AmplitudeEvent("$identify", "x", user_properties={"$set": said(MONTHLY)})
    told = amplitude.targets.told(USER)
    assert amplitude.targets.says_nothing_new(USER, told, again)
    amplitude.tell(DEVICE, YEARLY, 6)
    assert not amplitude.targets.says_nothing_new(USER, told, again)
    amplitude.tell(USER, MONTHLY, 7)
    told = amplitude.targets.told(USER)
    assert amplitude.targets.says_nothing_new(USER, told, again)


def test_a_user_and_a_device_of_one_id_are_two(amplitude: Amplitude) -> None:
    amplitude.tell(Identity(None, "same"), YEARLY, 5)
    assert amplitude.targets.told(Identity("same", None)) == NEVER_SENT


def test_what_says_something_else_has_an_id_by_what_it_follows() -> None:
    ids = [turn(told_by(one)) for one in ("a", "b", "half \ud83d")]
    assert len({*ids, "own"}) == 4
    assert ids[0] == turn(told_by("a"))
