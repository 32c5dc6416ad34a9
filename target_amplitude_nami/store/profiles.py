"""What is known of a Nami user, and what Amplitude was told of one of its users."""

from __future__ import annotations

import hashlib
import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.outcomes import DedupKey

if t.TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_TOLD: t.Final = b"\xc0"
"""A fact that is null, in MessagePack."""


class Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is kept of one name: plain values, which make no cycles to be collected."""

    def check(self) -> None:
        """Find out whether somebody wrote this.

        Raises:
            ValueError: When nobody can have.
        """


class UserProfile(Fact, frozen=True, array_like=True, gc=False):
    """What records told of a Nami user.

    It is kept by the place of each fact, the External ID first: new ones go last. With
    more than 15, `HeldRecords.of_named_users` has to look in another place.
    """

    external_id: str | None = None
    external_id_time: int | None = None
    """When the newest record that told it happened, ms; None when none said."""
    device_id: str | None = None
    """The device that the last record named."""
    packed_state: bytes = b""
    """The newest of each fact of the state, as few records ask for it."""
    state_time: int | None = None
    """As of when that was, ms."""

    @property
    def state(self) -> UserState | None:
        """The newest of each fact."""
        return _unpacked(self.packed_state) if self.packed_state else None

    def check(self) -> None:
        """Find out whether somebody wrote this, the state included."""
        _ = self.state

    def is_newer_than(self, time: int | None) -> bool:
        """Whether the state that is known is as of later than this time."""
        newest = self.state_time
        return newest is not None and time is not None and time < newest

    def with_external_id(self, external_id: str, time: int | None) -> UserProfile:
        """Return what is known after a record told an External ID; the newest counts.

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
        """Return what is known after a record named a device."""
        return UserProfile(
            self.external_id,
            self.external_id_time,
            device_id,
            self.packed_state,
            self.state_time,
        )

    def with_state(self, state: UserState, time: int | None) -> UserProfile:
        """Return what is known after a record told a newer state.

        It is completed with what it does not say.

        Args:
            state: What the record told.
            time: As of when the state is then, ms.
        """
        packed = _packed(state)
        before = self.packed_state
        if before and not _tells_all_of(packed, before):
            packed = _packed(_completed(_unpacked(before), state))
        return UserProfile(
            self.external_id, self.external_id_time, self.device_id, packed, time
        )


class SentState(Fact, frozen=True, array_like=True, gc=False):
    """What one Amplitude user, or device, of one project was told of its state."""

    time: int | None = None
    """The newest time of an event or user record with a state, ms, told or not."""
    said: int | None = None
    """What `properties_hash` makes of the user properties told last; None when none were."""
    insert_id: str = ""
    """That of the event that told them."""
    run: int = 0
    """The run in which that was."""
    was_identify: bool = False
    """Whether it was a `$identify`."""
    key: DedupKey = b""
    """What Amplitude knows that event by; empty when none told them."""

    def is_newer_than(self, time: int | None) -> bool:
        """Whether a state as of this time is older than one that was seen."""
        return self.time is not None and time is not None and time < self.time


UNKNOWN_USER: t.Final = UserProfile()
NEVER_SENT: t.Final = SentState()


def properties_hash(properties: Mapping[str, t.Any]) -> int:
    """Return a number that tells user properties from all others: 63 bits of a hash."""
    try:
        text = _encoder.encode(properties)
    except UnicodeEncodeError:  # half of a cut emoji
        text = jsontext.encode(properties)
    hashed = _begun.copy()
    hashed.update(text)
    return int.from_bytes(hashed.digest()) >> 1


def _packed(state: UserState) -> bytes:
    try:
        return _pack(state)
    except UnicodeEncodeError:  # half of a cut emoji: as JSON text
        return jsontext.encode(msgspec.to_builtins(state))


def _unpacked(packed: bytes) -> UserState:
    try:
        return _unpack(packed)
    except (msgspec.DecodeError, ValueError):
        return msgspec.convert(jsontext.decode(packed), UserState)


def _tells_all_of(packed: bytes, before: bytes) -> bool:
    """Whether a state surely tells every fact that the one before it tells.

    Nami's own records tell all but the last, which only some other source has. The byte
    is in no text of MessagePack's, so that it ends a state only where the last fact is
    not told; what else holds it is not sure, and what is JSON does not end in it.
    """
    return packed.find(_NOT_TOLD) == len(packed) - 1 and before.endswith(_NOT_TOLD)


def _completed(before: UserState, state: UserState) -> UserState:
    told, known = msgspec.structs.astuple(state), msgspec.structs.astuple(before)
    return UserState(*[k if n is None else n for k, n in zip(known, told, strict=True)])


_begun = hashlib.blake2b(digest_size=8)
_encoder = msgspec.json.Encoder(order="deterministic")
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(UserState).decode
