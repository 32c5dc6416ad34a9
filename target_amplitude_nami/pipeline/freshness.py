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

    def sent_to(self, identity: Identity) -> SentState:
        """Return what was sent so far to a user, or to a device alone."""
        return self._sent_states.get(target_of(identity.user_id, identity.device_id))

    def is_late(self, identity: Identity, sent: SentState, time: int | None) -> bool:
        """Return whether a newer state was seen of a user, or of his device alone.

        What was sent to a device alone goes to the user that Amplitude joins it to.
        """
        if time is None:
            return False
        newest = sent.time
        if newest is not None and time < newest:
            return True
        newest = self._sent_to_device(identity).time
        return newest is not None and time < newest

    def is_unchanged(
        self, identity: Identity, sent: SentState, mapped: AmplitudeEvent
    ) -> bool:
        """Return whether a `$identify` sets what was sent last, now or before."""
        if sent.properties_hash != properties_hash(_set_properties(mapped)):
            return False
        device = self._sent_to_device(identity)
        is_newer = not sent.is_newer_than(device.time) or sent.time is None
        return device.properties_hash in {None, sent.properties_hash} or not is_newer

    def was_sent_in_this_run(self, sent: SentState) -> bool:
        """Return whether this run sent a state."""
        return sent.run == self._run

    def repeats_last_state(
        self, sent: SentState, mapped: AmplitudeEvent, key: DedupKey
    ) -> bool:
        """Return whether an event sets what the one with its key has set last."""
        return (
            key == sent.key  # seldom: the hash takes time
            and not mapped.skip_user_properties_sync
            and sent.properties_hash == properties_hash(_set_properties(mapped))
        )

    def note(  # noqa: PLR0913
        self,
        identity: Identity,
        sent: SentState,
        state: UserState,
        time: int | None,
        mapped: AmplitudeEvent,
        *,
        key: DedupKey,
    ) -> None:
        """Note that an event sends a state as of a time, if it has one."""
        if state == NO_STATE:
            return
        time = self._newest(sent, time)
        properties = _set_properties(mapped)
        if mapped.skip_user_properties_sync or not properties:
            after = msgspec.structs.replace(sent, time=time)
        else:
            after = SentState(
                time,
                properties_hash(properties),
                mapped.insert_id,
                self._run,
                mapped.event_type == IDENTIFY,
                key,
            )
        self._sent_states.put(identity.target, after)

    def note_unchanged(
        self, identity: Identity, sent: SentState, time: int | None
    ) -> None:
        """Note that the state sent last holds as of a time, too."""
        time = self._newest(sent, time)
        self._sent_states.put(identity.target, msgspec.structs.replace(sent, time=time))

    def _sent_to_device(self, identity: Identity) -> SentState:
        """Return what was sent to the device of a user alone."""
        if identity.device_id is None or identity.user_id is None:
            return NEVER_SENT
        return self._sent_states.get(target_of(None, identity.device_id))

    def _newest(self, sent: SentState, time: int | None) -> int | None:
        newest = sent.time
        if time is None or (newest is not None and time < newest):
            return newest
        return newest if self._is_future(time) else time


def _set_properties(mapped: AmplitudeEvent) -> dict[str, t.Any]:
    properties = mapped.user_properties
    found: dict[str, t.Any] = properties.get("$set", properties)
    return found
