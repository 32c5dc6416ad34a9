"""What is known of a Nami user, and what Amplitude was told of one of its users."""

from __future__ import annotations

import hashlib
import typing as t

import msgspec

from target_amplitude_nami.memory.keys import Mark, insert_id_of
from target_amplitude_nami.nami import jsontext
from target_amplitude_nami.nami.state import UserState

if t.TYPE_CHECKING:
    from collections.abc import Mapping


def newer(before: UserState | None, state: UserState) -> UserState:
    """Return a newer state, completed with what it does not say."""
    if before is None:
        return state
    told = msgspec.structs.astuple(state)
    # Nami's own records tell all but the last, which only some other source has.
    if before.subscription_status is None and None not in told[:-1]:
        return state
    known = msgspec.structs.astuple(before)
    return UserState(*[k if n is None else n for k, n in zip(known, told, strict=True)])


class Known(msgspec.Struct, frozen=True, array_like=True):
    """What records told of a Nami user.

    It is kept by the place of each fact, the External ID first: new ones go last. With
    more than 15, `HeldRecords.of_named_users` has to look in another place.
    """

    external_id: str | None = None
    external_id_time: int | None = None
    """When the newest record that told it happened, ms; None when none said."""
    device_id: str | None = None
    """The device that the last record named."""
    state: UserState | None = None
    """The newest of each fact."""
    state_time: int | None = None
    """As of when that was, ms."""

    def is_newer_than(self, time: int | None) -> bool:
        """Whether the state that is known is as of later than this time."""
        newest = self.state_time
        return newest is not None and time is not None and time < newest

    def with_external_id(self, external_id: str, time: int | None) -> Known:
        """Return what is known after a record told an External ID; the newest counts.

        A record without a time is as new as it can be.
        """
        newest = self.external_id_time
        if time is not None and newest is not None and time < newest:
            return self
        if external_id == self.external_id and (time is None or time == newest):
            return self
        return Known(
            external_id,
            newest if time is None else time,
            self.device_id,
            self.state,
            self.state_time,
        )


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What one Amplitude user, or device, of one project was told of its state."""

    time: int | None = None
    """The newest time of an event or user record with a state, ms, told or not."""
    said: int | None = None
    """What `digest` makes of the user properties told last; None when none were."""
    mark: Mark = Mark("")
    """The mark of the event that told them, by `mark_of`; empty when none did."""
    run: int = 0
    """The run in which that was."""
    was_identify: bool = False
    """Whether it was a `$identify`."""

    @property
    def insert_id(self) -> str:
        """The insert id of the event that told them."""
        return insert_id_of(self.mark)

    def is_newer_than(self, time: int | None) -> bool:
        """Whether a state as of this time is older than one that was seen."""
        return self.time is not None and time is not None and time < self.time


UNKNOWN: t.Final = Known()
UNTOLD: t.Final = Told()


def target_of(user_id: str | None, device_id: str | None) -> str:
    """Return the name of whom Amplitude sets properties: a user, or a device alone.

    Both may have the same id.
    """
    return user_id or f"device\0{device_id}"


def digest(properties: Mapping[str, t.Any]) -> int:
    """Return a number that tells user properties from all others: 63 bits of a hash."""
    try:
        text = _encoder.encode(properties)
    except UnicodeEncodeError:  # half of a cut emoji
        text = jsontext.encode(properties)
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 1


_encoder = msgspec.json.Encoder(order="deterministic")
