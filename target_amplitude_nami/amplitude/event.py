"""The Amplitude event, its one encoding to bytes, and what may be wrong with it."""

from __future__ import annotations

import typing as t
from decimal import Decimal

import msgspec
import simplejson

Properties: t.TypeAlias = dict[str, t.Any]


class Refusal(msgspec.Struct, frozen=True):
    """Why an event is not, or must not be, taken by Amplitude.

    `reason` is a stable code for machines, `field` the part of the event concerned,
    `detail` a sentence for people, `status` the HTTP status where Amplitude said so.
    """

    reason: str
    field: str
    detail: str
    status: int | None = None


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
        value: What JSON can hold.
        buffer: A thread's own, to be used again and again, which is quicker.
    """
    if buffer is None:
        buffer = bytearray()
    try:
        _encoder.encode_into(value, buffer)
        # A copy: what `_encoder.encode` returns takes half as much memory again.
        return bytes(buffer)
    except UnicodeEncodeError:
        return _encode_with_lone_surrogates(value)


class EncodedEvent(msgspec.Struct, frozen=True, gc=False):
    """An event ready to be sent: its bytes, and what delivery must know about it."""

    body: bytes
    user_id: str | None
    device_id: str | None
    cut_texts: int = 0
    """How many of its texts were cut to Amplitude's 1,024 characters."""


def _encode_with_lone_surrogates(value: object) -> bytes:
    # Half of a cut emoji has no UTF-8 form, but JSON can escape it: nothing is lost.
    text = simplejson.dumps(
        msgspec.to_builtins(value, builtin_types=(Decimal,)),
        use_decimal=True,
        allow_nan=True,
        sort_keys=True,
        separators=(",", ":"),
    )
    return text.encode("ascii")
