"""Tracks which state was sent of each user and device of one Amplitude project.

In Amplitude the value that arrives last wins, so the state sent last decides which
record is late and which one changes nothing. It is tracked by Amplitude's users, not by
Nami's: one person may be a device first and a user later, and several Nami users may
have one External ID.
"""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.amplitude.checks import IDENTIFY
from target_amplitude_nami.amplitude.event import target_of
from target_amplitude_nami.nami.state import NO_STATE
from target_amplitude_nami.store.profiles import NEVER_SENT, SentState, properties_hash

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.amplitude.event import AmplitudeEvent
    from target_amplitude_nami.nami.state import UserState
    from target_amplitude_nami.outcomes import DedupKey
    from target_amplitude_nami.pipeline.identity import Identity
    from target_amplitude_nami.store.protocol import Table


class Sent(msgspec.Struct, frozen=True, gc=False):
    """What was sent so far to a user, or to a device alone."""

    target: str
    """Whose user properties Amplitude sets: see `target_of`."""
    state: SentState
    device_state: SentState
    """What was sent to the device of a user alone: it goes to the user that Amplitude
    joins it to."""

    def is_newer_than(self, time: int | None) -> bool:
        """Return whether a newer state was seen of a user, or of his device alone."""
        if time is None:
            return False
        newest = self.state.time
        if newest is not None and time < newest:
            return True
        newest = self.device_state.time
        return newest is not None and time < newest


class FreshnessTracker:
    """The sent states of one project, as they are while records are being read."""

    def __init__(
        self,
        sent_states: Table[SentState],
        run: int,
        is_future: Callable[[int], bool],
    ) -> None:
        """Take the states sent so far.

        Args:
            sent_states: By user id, or by device id where there is none.
            run: The number of this run.
            is_future: Returns whether only a wrong clock can have given a time, ms: no
                state is as new.
        """
        self._sent_states = sent_states
        self._run = run
        self._is_future = is_future

    def sent_to(self, identity: Identity) -> Sent:
        """Return what was sent so far to a user, or to a device alone."""
        user_id, device_id = identity.user_id, identity.device_id
        state_of = self._sent_states.get
        if user_id is None:
            target = target_of(None, device_id)
            return Sent(target, state_of(target), NEVER_SENT)
        if device_id is None:
            return Sent(user_id, state_of(user_id), NEVER_SENT)
        device = target_of(None, device_id)
        return Sent(user_id, state_of(user_id), state_of(device))

    def is_unchanged(self, sent: Sent, mapped: AmplitudeEvent) -> bool:
        """Return whether a `$identify` sets what was sent last, now or before."""
        state, device = sent.state, sent.device_state
        if state.properties_hash != properties_hash(_set_properties(mapped)):
            return False
        is_newer = not state.is_newer_than(device.time) or state.time is None
        return device.properties_hash in {None, state.properties_hash} or not is_newer

    def was_sent_in_this_run(self, sent: Sent) -> bool:
        """Return whether this run sent a state."""
        return sent.state.run == self._run

    def repeats_last_state(
        self, sent: Sent, mapped: AmplitudeEvent, key: DedupKey
    ) -> bool:
        """Return whether an event sets what the one with its key has set last."""
        state = sent.state
        return (
            key == state.key  # seldom: the hash takes time
            and not mapped.skip_user_properties_sync
            and state.properties_hash == properties_hash(_set_properties(mapped))
        )

    def note(
        self,
        sent: Sent,
        state: UserState,
        time: int | None,
        mapped: AmplitudeEvent,
        *,
        key: DedupKey,
    ) -> None:
        """Note that an event sends a state as of a time, if it has one."""
        if state == NO_STATE:
            return
        time = self._newest(sent.state, time)
        properties = _set_properties(mapped)
        if mapped.skip_user_properties_sync or not properties:
            after = msgspec.structs.replace(sent.state, time=time)
        else:
            after = SentState(
                time,
                properties_hash(properties),
                mapped.insert_id,
                self._run,
                mapped.event_type == IDENTIFY,
                key,
            )
        self._sent_states.put(sent.target, after)

    def note_unchanged(self, sent: Sent, time: int | None) -> None:
        """Note that the state sent last holds as of a time, too."""
        time = self._newest(sent.state, time)
        after = msgspec.structs.replace(sent.state, time=time)
        self._sent_states.put(sent.target, after)

    def _newest(self, sent: SentState, time: int | None) -> int | None:
        newest = sent.time
        if time is None or (newest is not None and time < newest):
            return newest
        return newest if self._is_future(time) else time


def _set_properties(mapped: AmplitudeEvent) -> dict[str, t.Any]:
    properties = mapped.user_properties
    found: dict[str, t.Any] = properties.get("$set", properties)
    return found
