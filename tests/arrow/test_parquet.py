"""Rows of the sample data give the same events from a Parquet file as from JSON."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pytest
from pyarrow import parquet

from target_amplitude_nami import EncodedEvent, EventBuilder, Settings
from target_amplitude_nami.arrow import records_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

DATA: Final = Path(__file__).parents[2] / "examples" / "data"
BUILDER: Final = EventBuilder(Settings.load({"api_key": "0123456789abcdef" * 2}))


def rows_of(pattern: str) -> list[dict[str, Any]]:
    """Return rows of the sample data that one schema has room for."""
    rows = []
    for path in sorted(DATA.glob(pattern)):
        with gzip.open(path) as file:
            rows += [json.loads(line) for line in file]
    return [
        row
        for row in rows
        if all(isinstance(of["value"], str) for of in row.get("external_ids") or ())
    ]


def table_of(rows: list[dict[str, Any]]) -> pa.Table:
    """Return a table of rows, with structs and lists as pyarrow infers them."""
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def built_of(records: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return the bytes of each event, or why there is none."""
    built = [BUILDER.build(record) for record in records]
    return [each.body if isinstance(each, EncodedEvent) else each for each in built]


@pytest.mark.parametrize("pattern", ["webhooks-*.gz", "users.*"])
def test_a_parquet_file_gives_the_same_events(pattern: str, tmp_path: Path) -> None:
    rows = rows_of(pattern)
    parquet.write_table(table_of(rows), tmp_path / "rows", row_group_size=500)
    read = parquet.ParquetFile(tmp_path / "rows")

    records = [r for batch in read.iter_batches(300) for r in records_of(batch)]

    assert len(records) == len(rows) > 100
    assert built_of(records) == built_of(rows)


def test_times_as_timestamps_give_the_same_events(tmp_path: Path) -> None:
    rows = rows_of("webhooks-*.gz")
    table = table_of(rows)
    number = table.schema.get_field_index("created_date")
    times = table.column(number).cast(pa.timestamp("us", "America/New_York"))
    table = table.set_column(number, "created_date", times)
    parquet.write_table(table, tmp_path / "rows")

    records = records_of(parquet.read_table(tmp_path / "rows"))

    assert built_of(records) == built_of(rows)


def test_text_read_as_a_dictionary_gives_the_same_events(tmp_path: Path) -> None:
    rows = rows_of("webhooks-*.gz")
    parquet.write_table(table_of(rows), tmp_path / "rows")
    table = parquet.read_table(
        tmp_path / "rows", read_dictionary=["event_type", "user_id"]
    )

    assert pa.types.is_dictionary(table.schema.field("event_type").type)
    assert built_of(records_of(table)) == built_of(rows)
