"""What the users and devices of one Amplitude project were told of their state.

Amplitude lets the last value win that arrives, so what it was told decides which record
is late and which says nothing new. That goes by Amplitude's users, not by Nami's: one
person may be a device first and a user later, and several Nami users one External ID.
"""

from __future__ import annotations

import hashlib
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
    from target_amplitude_nami.pipeline.mapping import Identity
    from target_amplitude_nami.store.cached_table import CachedTable


class FreshnessTracker:
    """The targets of one project, as they are while records are being read."""

    def __init__(
        self,
        told: CachedTable[SentState],
        run: int,
        is_of_the_future: Callable[[int], bool],
    ) -> None:
        """Take what was told so far.

        Args:
            told: By user id, or by device id where there is none.
            run: The number of this run.
            is_of_the_future: Tells a time of a wrong clock: no state is as new.
        """
        self._told = told
        self._run = run
        self._is_of_the_future = is_of_the_future

    def told(self, identity: Identity) -> SentState:
        """Return what a target was told so far."""
        return self._told.get(target_of(identity.user_id, identity.device_id))

    def is_late(self, identity: Identity, told: SentState, time: int | None) -> bool:
        """Whether newer state of a target, or of its device alone, was seen before.

        What a device was told alone goes to the user whom it joins.
        """
        if time is None:
            return False
        newest = told.time
        if newest is not None and time < newest:
            return True
        newest = self._device(identity).time
        return newest is not None and time < newest

    def says_nothing_new(
        self, identity: Identity, told: SentState, mapped: AmplitudeEvent
    ) -> bool:
        """Whether a `$identify` tells what its target was told last, now or before."""
        if told.properties_hash != properties_hash(_said(mapped)):
            return False
        device = self._device(identity)
        is_newer = not told.is_newer_than(device.time) or told.time is None
        return device.properties_hash in {None, told.properties_hash} or not is_newer

    def was_told_in_this_run(self, told: SentState) -> bool:
        """Whether Amplitude was told of a target's state within this run."""
        return told.run == self._run

    def note(  # noqa: PLR0913
        self,
        identity: Identity,
        told: SentState,
        state: UserState,
        time: int | None,
        mapped: AmplitudeEvent,
        *,
        key: DedupKey,
    ) -> None:
        """Take note that an event tells a target's state as of a time, if it does."""
        if state == NO_STATE:
            return
        time = self._newest(told, time)
        said = _said(mapped)
        if mapped.skip_user_properties_sync or not said:
            after = msgspec.structs.replace(told, time=time)
        else:
            is_identify = mapped.event_type == IDENTIFY
            after = SentState(
                time,
                properties_hash(said),
                mapped.insert_id,
                self._run,
                is_identify,
                key,
            )
        self._told.put(identity.target, after)

    def note_unchanged(
        self, identity: Identity, told: SentState, time: int | None
    ) -> None:
        """Take note that what a target was told holds as of a time, too."""
        time = self._newest(told, time)
        self._told.put(identity.target, msgspec.structs.replace(told, time=time))

    def _device(self, identity: Identity) -> SentState:
        """Return what the device of a user was told alone."""
        if identity.device_id is None or identity.user_id is None:
            return NEVER_SENT
        return self._told.get(target_of(None, identity.device_id))

    def _newest(self, told: SentState, time: int | None) -> int | None:
        newest = told.time
        if time is None or (newest is not None and time < newest):
            return newest
        return newest if self._is_of_the_future(time) else time


def in_turn(
    mapped: AmplitudeEvent, told: SentState, *, is_repeat: bool
) -> AmplitudeEvent:
    """Give a `$identify` without a time an insert id that tells its turn.

    State may change and change back: the third of A, B, A is no copy of the first. But
    what says nothing new is a copy of the `$identify` that said it. It is never one of
    an event, which would be lost as its copy.
    """
    if not told.key:
        return mapped
    insert_id = told.insert_id
    if not (is_repeat and told.was_identify):
        turn = f"{insert_id}\n{mapped.insert_id}".encode("utf-8", "surrogatepass")
        insert_id = hashlib.sha256(turn).hexdigest()
    return msgspec.structs.replace(mapped, insert_id=insert_id)


def _said(mapped: AmplitudeEvent) -> dict[str, t.Any]:
    properties = mapped.user_properties
    said: dict[str, t.Any] = properties.get("$set", properties)
    return said
