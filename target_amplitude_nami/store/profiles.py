"""Defines the profile of a Nami user, and the state sent for an Amplitude user."""

from __future__ import annotations

import hashlib
import typing as t

import msgspec

from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.outcomes import DedupKey

if t.TYPE_CHECKING:
    from collections.abc import Mapping

_ABSENT: t.Final = b"\xc0"
"""A fact that is null, in MessagePack."""


class UserProfile(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What records say about a Nami user."""

    external_id: str | None = None
    external_id_time: int | None = None
    """When the newest record with it happened, ms; None when none had a time."""
    device_id: str | None = None
    """The device that the last record named."""
    packed_state: bytes = b""
    """The newest value of each fact, as few records ask for it; MessagePack, a third of
    the size of JSON."""
    state_time: int | None = None
    """As of when that was, ms."""

    @property
    def state(self) -> UserState | None:
        """The newest value of each fact."""
        return _unpack(self.packed_state) if self.packed_state else None

    def is_newer_than(self, time: int | None) -> bool:
        """Return whether the known state is newer than a time."""
        newest = self.state_time
        return newest is not None and time is not None and time < newest

    def with_external_id(self, external_id: str, time: int | None) -> UserProfile:
        """Return the profile after a record with an External ID; the newest counts.

        A record without a time is as new as it can be.
        """
        newest = self.external_id_time
        if time is not None and newest is not None and time < newest:
            return self
        if external_id == self.external_id and (time is None or time == newest):
            return self
        return UserProfile(
            external_id,
            newest if time is None else time,
            self.device_id,
            self.packed_state,
            self.state_time,
        )

    def with_device(self, device_id: str) -> UserProfile:
        """Return the profile after a record that names a device."""
        return UserProfile(
            self.external_id,
            self.external_id_time,
            device_id,
            self.packed_state,
            self.state_time,
        )

    def with_state(self, state: UserState, time: int | None) -> UserProfile:
        """Return the profile after a record with a newer state.

        Facts that the record leaves open stay as they were.

        Args:
            state: The record's state.
            time: As of when the state is then, ms.
        """
        packed = _pack(state)
        before = self.packed_state
        if before and not _has_all_facts_of(packed, before):
            packed = _pack(_completed(_unpack(before), state))
        return UserProfile(
            self.external_id, self.external_id_time, self.device_id, packed, time
        )


class SentState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was sent last of the state of a user, or a device, of one project."""

    time: int | None = None
    """The newest time of an event or user record with a state, ms, sent or not."""
    properties_hash: int | None = None
    """That of the user properties sent last; None when Amplitude may not have them."""
    insert_id: str = ""
    """That of the event that carried them."""
    run: int = 0
    """The run that sent it."""
    was_identify: bool = False
    """Whether it was a `$identify`."""
    key: DedupKey = b""
    """What Amplitude recognises that event by; empty when there was none."""

    def is_newer_than(self, time: int | None) -> bool:
        """Return whether a state that was seen is newer than a time."""
        return self.time is not None and time is not None and time < self.time


UNKNOWN_USER: t.Final = UserProfile()
NEVER_SENT: t.Final = SentState()


def properties_hash(properties: Mapping[str, t.Any]) -> int:
    """Return a number for user properties, whatever their order: 63 bits of a hash."""
    hashed = _begun.copy()
    hashed.update(_encoder.encode(properties))
    return int.from_bytes(hashed.digest()) >> 1


def _has_all_facts_of(packed: bytes, before: bytes) -> bool:
    """Return whether a state surely has every fact that the one before it has.

    Nami's own records have all but the last, which only some other source has. The byte
    is in no text of MessagePack's, so that it ends a state only where the last fact is
    absent; what else contains it is not sure.
    """
    return packed.find(_ABSENT) == len(packed) - 1 and before.endswith(_ABSENT)


def _completed(before: UserState, state: UserState) -> UserState:
    new, known = msgspec.structs.astuple(state), msgspec.structs.astuple(before)
    return UserState(*[k if n is None else n for k, n in zip(known, new, strict=True)])


_begun = hashlib.blake2b(digest_size=8)
_encoder = msgspec.json.Encoder(order="deterministic")
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(UserState).decode
