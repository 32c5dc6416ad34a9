"""Turns batches of Arrow data into records, a few thousand rows at a time."""

from __future__ import annotations

import typing as t

import pyarrow as pa

from target_amplitude_nami.arrow.columns import converters_of, rows_of

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_ROWS_AT_ONCE: t.Final = 4096
"""Python values take many times the memory of Arrow's: a batch may have any length."""


def records_of(data: t.Any) -> Iterator[dict[str, t.Any]]:
    """Return the rows of Arrow data; see `target_amplitude_nami.arrow.records_of`."""
    reader = _reader_of(data)
    fields = list(reader.schema)
    return _rows(reader, [field.name for field in fields], converters_of(fields))


def _reader_of(data: t.Any) -> pa.RecordBatchReader:
    if isinstance(data, pa.RecordBatchReader):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(data.schema, [data])
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data)
    if hasattr(data, "__arrow_c_array__"):
        return _reader_of(pa.record_batch(data))
    raise TypeError(
        f"{type(data).__qualname__} is not Arrow data: give a RecordBatch, Table or "
        f"RecordBatchReader of pyarrow, or a data frame that can be read as such"
    )


def _rows(
    reader: pa.RecordBatchReader, names: list[str], converters: list[t.Any]
) -> Iterator[dict[str, t.Any]]:
    for batch in reader:
        for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
            part = batch.slice(start, _ROWS_AT_ONCE)
            columns = [
                convert(column)
                for convert, column in zip(converters, part.columns, strict=True)
            ]
            yield from rows_of(names, columns, part.num_rows)
