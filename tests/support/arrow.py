"""Arrow data with Nami's columns, and what the events of its rows hold."""

from __future__ import annotations

import struct
from typing import Final

import pyarrow as pa

from target_amplitude_nami import (
    EncodedEvent,
    EventBuilder,
    Filtered,
    Refusal,
    Settings,
)
from target_amplitude_nami.arrow import records_of
from tests.support import nami

_IMPRESSION: Final = nami.impression(1)
_WITHOUT: Final = (
    b'{"event_type":"device.impression",'
    b'"insert_id":"5f0b7a3e-0000-4001-8000-000000000001",'
    b'"device_id":"5f0b7a3e-0000-4003-8000-000000000001","time":1780300800250'
)
"""What the event of an impression without properties begins with."""
NO_FORM: Final = ("value_not_json", "value")
NOT_FINITE: Final = ("number_not_finite", "event_properties")


def halves(*values: float) -> pa.Array:
    """Return numbers of half precision, for which an old pyarrow needs NumPy."""
    numbers = struct.pack(f"{len(values)}e", *values)
    return pa.Array.from_buffers(
        pa.float16(), len(values), [None, pa.py_buffer(numbers)]
    )


def impressions(**columns: pa.Array) -> pa.RecordBatch:
    """Return the same impression for each row of some columns, with these."""
    length = len(next(iter(columns.values())))
    same = {
        name: pa.array([value] * length, pa.string())
        for name, value in _IMPRESSION.items()
    }
    return pa.record_batch(same | columns)


def built_of(values: pa.Array) -> list[EncodedEvent | Filtered | Refusal]:
    """Return what becomes of an impression with each value of a column."""
    builder = EventBuilder(Settings.load({"api_key": "0123456789abcdef" * 2}))
    return [builder.build(record) for record in records_of(impressions(value=values))]


def sent_of(values: pa.Array) -> list[bytes | tuple[str, str] | None]:
    """Return what the events of rows say of the values of a column.

    Returns:
        For each value its bytes in the event, None where it is not there, or the reason
        and the field of a reject.
    """
    return [_sent(built) for built in built_of(values)]


def _sent(built: EncodedEvent | Filtered | Refusal) -> bytes | tuple[str, str] | None:
    if isinstance(built, Refusal):
        return built.reason, built.field
    assert isinstance(built, EncodedEvent)
    assert built.body.startswith(_WITHOUT)
    rest = built.body.removeprefix(_WITHOUT).removesuffix(b"}")
    if not rest:
        return None
    before = b',"event_properties":{"value":'
    assert rest.startswith(before)
    return rest.removeprefix(before).removesuffix(b"}")
