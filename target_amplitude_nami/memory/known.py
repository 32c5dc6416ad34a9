"""What is known of one Nami user, and how it is kept as JSON text."""

from __future__ import annotations

import typing as t

import msgspec

from target_amplitude_nami.nami import jsontext
from target_amplitude_nami.nami.state import UserState

if t.TYPE_CHECKING:
    from collections.abc import Mapping


class Known(msgspec.Struct, frozen=True, omit_defaults=True):
    """What earlier records told of a user."""

    external_id: str | None = None
    external_id_time: int | None = None
    """When the newest record that told it happened, ms; None when none said."""
    device_id: str | None = None
    """The device that the last record named."""
    state: UserState | None = None
    """What Amplitude was told of the user's state, the newest of each fact."""
    state_time: int | None = None
    """As of when that was, ms."""
    state_mark: str = ""
    """The insert id of the event that told it last."""
    told_to: str | None = None
    """The Amplitude user, or device, that it was told of."""
    told_in: int = 0
    """The run in which that was."""

    def is_outdated_at(self, time: int | None) -> bool:
        """Whether a state as of this time is older than the one that was told."""
        return (
            time is not None and self.state_time is not None and time < self.state_time
        )

    def with_external_id(self, external_id: str, time: int | None) -> Known:
        """Return what is known after a record told an External ID; the newest counts.

        A record without a time is as new as it can be.
        """
        newest = self.external_id_time
        if time is not None and newest is not None and time < newest:
            return self
        if external_id == self.external_id and time in {None, newest}:
            return self
        return msgspec.structs.replace(
            self,
            external_id=external_id,
            external_id_time=newest if time is None else time,
        )

    def merged(self, state: UserState) -> UserState:
        """Return a newer state, completed with what it does not say."""
        if self.state is None or self.state == state:
            return state
        told = msgspec.structs.asdict(state)
        return msgspec.structs.replace(
            self.state,
            **{name: value for name, value in told.items() if value is not None},
        )


UNKNOWN: t.Final = Known()

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Known)


def pack(users: Mapping[str, Known]) -> str:
    """Return a JSON object of what is known of each user."""
    try:
        return _encoder.encode(users).decode()
    except UnicodeEncodeError:  # half of a cut emoji in an id
        return jsontext.encode(msgspec.to_builtins(users)).decode()


def unpack(text: str) -> Known:
    """Return what is known of one user."""
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError:
        return msgspec.convert(jsontext.decode(text), Known)
