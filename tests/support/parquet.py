"""Parquet files of records, as an engine writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def write_parquet(
    path: Path, records: Sequence[dict[str, Any]], rows_per_group: int = 1_000
) -> Path:
    """Write records to a file, whose columns are the fields of the first.

    Returns:
        The file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(records), path, row_group_size=rows_per_group)
    return path
