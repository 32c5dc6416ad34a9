"""The Amplitude event, and its one encoding to bytes."""

from __future__ import annotations

import typing as t
from decimal import Decimal

import msgspec

from target_amplitude_nami.outcomes import Checkpoint, Origin, SentEvent

_BYTES_AROUND_AN_EVENT: t.Final = 700
"""What its ids, the objects themselves and their places in tables take."""

Properties: t.TypeAlias = dict[str, t.Any]


class AmplitudeEvent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One element of a request's `events` (HTTP V2 API, "Keys for the event argument").

    Absent values are left out of the JSON. There is no `ip` and no `session_id`: the
    sender is a pipeline, not the user's device.
    """

    event_type: str
    insert_id: str
    user_id: str | None = None
    device_id: str | None = None
    time: int | None = None
    event_properties: Properties = {}
    user_properties: Properties = {}
    skip_user_properties_sync: bool = msgspec.field(
        default=False, name="$skip_user_properties_sync"
    )
    """Whether Amplitude's table of users neither gives nor takes anything."""
    revenue: Decimal | None = None
    """Never beside `price` and `quantity`, whose product would replace it."""
    currency: str | None = None
    product_id: str | None = msgspec.field(default=None, name="productId")
    revenue_type: str | None = msgspec.field(default=None, name="revenueType")


_encoder = msgspec.json.Encoder(decimal_format="number", order="deterministic")


def encode(value: object, buffer: bytearray | None = None) -> bytes:
    """Encode JSON data: keys of objects sorted, numbers digit for digit as given.

    The order of keys is part of the promise that one event always has the same bytes,
    whatever the shape of the record that it came from. NaN and infinities, which JSON
    cannot hold, must have been refused before.

    Args:
        value: What JSON can hold: text without lone surrogates, not too deep.
        buffer: Reused between calls of one thread, which is quicker.
    """
    if buffer is None:
        buffer = bytearray()
    _encoder.encode_into(value, buffer)
    # A copy: what `_encoder.encode` returns takes half as much memory again.
    return bytes(buffer)


class EncodedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event ready to be sent: its bytes, and what settles its record."""

    body: bytes
    user_id: str | None
    device_id: str | None
    user_key: str
    """The Nami user, whatever External ID it has by now."""
    sent_event: SentEvent
    """What the store remembers once Amplitude has it."""
    origin: Origin
    checkpoint: Checkpoint
    memory_bytes: int
    """How much memory it takes until it is settled, by `memory_bytes_of`."""
    is_late: bool = False
    """Whether it changes no user properties, since newer ones were seen before it."""
    repeats_last_state: bool = False
    """Whether the event with its key is the one that set its user's properties last,
    and set the same: as a duplicate, it leaves no doubt of what Amplitude has."""

    @property
    def order_keys(self) -> tuple[str, str]:
        """The Nami user and Amplitude's: events with one of them keep their order."""
        return self.user_key, self.user_id or self.device_id or self.user_key

    @property
    def target(self) -> str:
        """The user, or the device without one, whose properties Amplitude sets."""
        return target_of(self.user_id, self.device_id)


def target_of(user_id: str | None, device_id: str | None) -> str:
    """Return the name of the user, or else the device, that has the user properties.

    A user and a device may have the same id.
    """
    return user_id or f"device\0{device_id}"


def memory_bytes_of(body: bytes, line: bytes) -> int:
    """Return how much memory an event takes with the line of its record."""
    return len(body) + len(line) + _BYTES_AROUND_AN_EVENT
