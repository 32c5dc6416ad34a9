"""Which records are late, and which send nothing new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from target_amplitude_nami.amplitude.event import AmplitudeEvent
from target_amplitude_nami.nami.state import NO_STATE, UserState
from target_amplitude_nami.outcomes import dedup_key
from target_amplitude_nami.pipeline.freshness import FreshnessTracker, Sent
from target_amplitude_nami.pipeline.identity import Identity
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


def properties_of(state: UserState) -> dict[str, Any]:
    """Return the user properties of a state."""
    return {"namiml_active_skus": state.active_skus} if state.active_skus else {}


def sent_by_identify(time: int, state: UserState, insert_id: str) -> SentState:
    """Return what is known after a `$identify` of this run sent a state."""
    return sent_by(insert_id, time, state, was_identify=True)


def sent_by(
    insert_id: str,
    time: int | None = None,
    state: UserState = NO_STATE,
    *,
    was_identify: bool = False,
    run: int = THIS_RUN,
) -> SentState:
    """Return what is known after an event sent a state."""
    key = dedup_key(insert_id, "device", "user")
    return SentState(
        time, properties_hash(properties_of(state)), insert_id, run, was_identify, key
    )


class Amplitude:
    """The tracker of a project, and states that are sent one after the other."""

    def __init__(self) -> None:
        self.memory = remember(None)
        self.tracker = FreshnessTracker(
            self.memory.sent_states["main"], THIS_RUN, lambda time: time > LATEST
        )
        self._events = 0

    def send(
        self,
        identity: Identity,
        state: UserState,
        time: int | None,
        *,
        is_skipped: bool = False,
    ) -> None:
        """Send a state, in an event with an insert id of its own."""
        self._events += 1
        event = AmplitudeEvent(
            event_type="$identify",
            insert_id=f"event-{self._events}",
            user_id=identity.user_id,
            device_id=identity.device_id,
            user_properties={"$set": properties_of(state)},
            skip_user_properties_sync=is_skipped,
        )
        sent = self.tracker.sent_to(identity)
        key = dedup_key(event.insert_id, identity.device_id, identity.user_id)
        self.tracker.note(sent, state, time, event, key=key)

    def finds_late(self, identity: Identity, time: int | None) -> bool:
        """Return whether a record of this time is late."""
        return self.tracker.sent_to(identity).is_newer_than(time)


@pytest.fixture
def amplitude() -> Iterator[Amplitude]:
    amplitude = Amplitude()
    yield amplitude
    amplitude.memory.close()


# What is late


@pytest.mark.parametrize("identity", [USER, DEVICE, WITHOUT_DEVICE])
def test_a_user_without_a_sent_state_is_never_late(
    amplitude: Amplitude, identity: Identity
) -> None:
    assert not amplitude.finds_late(identity, 1)


@pytest.mark.parametrize(("time", "is_late"), [(4, True), (5, False), (6, False)])
def test_what_is_older_than_the_sent_state_is_late(
    amplitude: Amplitude, time: int, *, is_late: bool
) -> None:
    amplitude.send(USER, YEARLY, 5)
    assert amplitude.finds_late(USER, time) is is_late
    assert not amplitude.finds_late(USER, None)


@pytest.mark.parametrize(
    ("sent", "named", "is_late"),
    [
        (USER, USER, True),
        (USER, ELSEWHERE, True),
        (USER, WITHOUT_DEVICE, True),
        (USER, OTHER, False),
        # What is sent to a user stays his when another one uses the device.
        (USER, DEVICE, False),
        (DEVICE, DEVICE, True),
        # What was sent to a device alone goes to the user that it joins ...
        (DEVICE, USER, True),
        (DEVICE, OTHER, True),
        # ... and to no other.
        (DEVICE, ELSEWHERE, False),
        (DEVICE, WITHOUT_DEVICE, False),
    ],
)
def test_lateness_is_tracked_by_amplitudes_users(
    amplitude: Amplitude, sent: Identity, named: Identity, *, is_late: bool
) -> None:
    amplitude.send(sent, YEARLY, 5)
    assert amplitude.finds_late(named, 4) is is_late
    assert not amplitude.finds_late(named, 5)


def test_what_was_seen_counts_even_if_it_changed_nothing(amplitude: Amplitude) -> None:
    amplitude.send(USER, YEARLY, 5, is_skipped=True)
    assert amplitude.finds_late(USER, 4)
    assert amplitude.tracker.sent_to(USER).state == SentState(5)


def test_a_late_event_makes_no_event_less_late(amplitude: Amplitude) -> None:
    amplitude.send(USER, YEARLY, 5)
    amplitude.send(USER, MONTHLY, 3)
    assert amplitude.finds_late(USER, 4)


def test_what_says_nothing_moves_nothing(amplitude: Amplitude) -> None:
    amplitude.send(USER, NO_STATE, 9)
    assert amplitude.tracker.sent_to(USER).state == NEVER_SENT
    amplitude.send(USER, YEARLY, 5)
    before = amplitude.tracker.sent_to(USER).state
    amplitude.send(USER, NO_STATE, 9)
    assert amplitude.tracker.sent_to(USER).state == before


@pytest.mark.parametrize("time", [None, LATEST + 1])
def test_without_a_credible_time_a_state_is_sent_and_makes_nothing_late(
    amplitude: Amplitude, time: int | None
) -> None:
    amplitude.send(USER, YEARLY, 5)
    amplitude.send(USER, MONTHLY, time)
    assert amplitude.tracker.sent_to(USER).state.properties_hash == properties_hash(
        properties_of(MONTHLY)
    )
    assert amplitude.finds_late(USER, 4)
    assert not amplitude.finds_late(USER, 5)


# What was sent last


def test_the_state_sent_last_is_remembered(amplitude: Amplitude) -> None:
    amplitude.send(USER, YEARLY, 5)
    amplitude.send(USER, MONTHLY, 3)  # it may be sent all the same
    assert amplitude.tracker.sent_to(USER).state == sent_by_identify(
        5, MONTHLY, "event-2"
    )
    assert amplitude.tracker.sent_to(OTHER).state == NEVER_SENT


def test_what_was_skipped_was_not_sent(amplitude: Amplitude) -> None:
    amplitude.send(USER, YEARLY, 5)
    amplitude.send(USER, MONTHLY, 6, is_skipped=True)
    assert amplitude.tracker.sent_to(USER).state == sent_by_identify(
        6, YEARLY, "event-1"
    )


def test_what_holds_still_holds_as_of_later(amplitude: Amplitude) -> None:
    amplitude.send(USER, YEARLY, 5)
    amplitude.tracker.note_unchanged(amplitude.tracker.sent_to(USER), 8)
    assert amplitude.finds_late(USER, 7)
    assert amplitude.tracker.sent_to(USER).state.insert_id == "event-1"


@pytest.mark.parametrize(("run", "expected"), [(THIS_RUN, True), (6, False)])
def test_another_run_may_have_ended_before_it_sent_anything(
    amplitude: Amplitude, run: int, *, expected: bool
) -> None:
    sent = Sent("user", sent_by("event", 5, YEARLY, run=run), NEVER_SENT)
    assert amplitude.tracker.was_sent_in_this_run(sent) is expected


def test_what_was_sent_to_the_device_since_is_news_to_its_user(
    amplitude: Amplitude,
) -> None:
    amplitude.send(USER, MONTHLY, 5)
    again = AmplitudeEvent(
        "$identify", "x", user_properties={"$set": properties_of(MONTHLY)}
    )
    sent = amplitude.tracker.sent_to(USER)
    assert amplitude.tracker.is_unchanged(sent, again)
    amplitude.send(DEVICE, YEARLY, 6)
    sent = amplitude.tracker.sent_to(USER)
    assert not amplitude.tracker.is_unchanged(sent, again)
    amplitude.send(USER, MONTHLY, 7)
    sent = amplitude.tracker.sent_to(USER)
    assert amplitude.tracker.is_unchanged(sent, again)


def test_a_user_and_a_device_of_one_id_are_two(amplitude: Amplitude) -> None:
    amplitude.send(Identity(None, "same"), YEARLY, 5)
    assert amplitude.tracker.sent_to(Identity("same", None)).state == NEVER_SENT


@pytest.mark.parametrize(
    ("insert_id", "state", "is_skipped", "repeats"),
    [
        ("a", MONTHLY, False, True),
        ("a", YEARLY, False, False),
        ("a", MONTHLY, True, False),
        ("b", MONTHLY, False, False),
    ],
)
def test_an_event_repeats_the_last_state_when_id_and_properties_are_the_same(
    amplitude: Amplitude,
    insert_id: str,
    state: UserState,
    *,
    is_skipped: bool,
    repeats: bool,
) -> None:
    sent = Sent("user", sent_by("a", 5, MONTHLY), NEVER_SENT)
    again = AmplitudeEvent(
        event_type="user.subscription.renewed",
        insert_id=insert_id,
        user_properties=properties_of(state),
        skip_user_properties_sync=is_skipped,
    )
    key = dedup_key(insert_id, "device", "user")
    assert amplitude.tracker.repeats_last_state(sent, again, key) is repeats
