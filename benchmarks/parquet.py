"""Writes the records of the benchmarks into Parquet files.

One text column with the JSON of each record, or a column for each of its fields:

    python -m benchmarks.parquet FOLDER 2000000 --files 8 --columns text
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow import parquet

from benchmarks import records

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS: Final = ("text", "struct")
_TEXT: Final = pa.schema([("payload", pa.string())])
_ROWS_A_GROUP: Final = 50_000
_RECORDS_WITH_ALL_FIELDS: Final = 10_000


def write_files(folder: Path, count: int, files: int, columns: str) -> None:
    """Write usual records into so many files of equal length."""
    texts = itertools.chain.from_iterable(records.chunks("usual", count))
    schema = _TEXT if columns == "text" else _schema_of_fields()
    rows_a_file = -(-count // files)
    for number in range(files):
        some = itertools.islice(texts, rows_a_file)
        path = folder / f"{number:03}.parquet"
        with parquet.ParquetWriter(path, schema) as writer:
            while group := list(itertools.islice(some, _ROWS_A_GROUP)):
                writer.write_table(_table(group, schema))


def _table(texts: list[bytes], schema: pa.Schema) -> pa.Table:
    if schema is _TEXT:
        return pa.table([pa.array(texts, pa.string())], schema=schema)
    return pa.Table.from_pylist([json.loads(text) for text in texts], schema=schema)


def _schema_of_fields() -> pa.Schema:
    made: Iterator[bytes] = itertools.chain.from_iterable(
        records.chunks("usual", _RECORDS_WITH_ALL_FIELDS)
    )
    rows = [json.loads(text) for text in made]
    # PyArrow takes the columns of the first row for those of all.
    columns = dict.fromkeys(name for row in rows for name in row)
    return pa.Table.from_pylist([dict.fromkeys(columns) | row for row in rows]).schema


def main() -> None:
    """Write the files that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--columns", choices=COLUMNS, default="text")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    write_files(asked.folder, asked.count, asked.files, asked.columns)


if __name__ == "__main__":
    main()
