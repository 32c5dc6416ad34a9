"""Rows that were deleted at their source, by every mark that taps and loaders make."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest

from target_amplitude_nami.nami.deleted import DeletedRows

MARKS = ("_sdc_deleted_at", "_fivetran_deleted", "_ab_cdc_deleted_at", "__deleted")

DELETED = [
    "2026-06-03T00:00:00Z",
    "2026-06-03 00:00:00.123456",
    1_780_300_800,
    Decimal("1780300800.5"),
    True,
    "true",
    "True ",
    "t",
    "1",
    1,
    "yes",
]
KEPT = [
    None,
    False,
    "",
    "  ",
    "false",
    "False",
    "f",
    "0",
    0,
    Decimal(0),
    "no",
    "null",
    "None",
    "NaN",
    math.nan,
    "NaT",
    "\\N",
    "(null)",
    "<NA>",
    "0000-00-00 00:00:00",
]


@pytest.mark.parametrize("mark", [*MARKS, *(mark.upper() for mark in MARKS)])
@pytest.mark.parametrize("value", DELETED, ids=repr)
def test_a_mark_with_a_value_means_deleted(mark: str, value: Any) -> None:
    rows = DeletedRows()
    assert rows.is_deleted({"id": "1", mark: value})
    assert not rows.is_deleted({"id": "2"})
    assert rows.is_deleted({mark: value})


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("value", KEPT, ids=repr)
def test_a_mark_with_nothing_in_it_means_not_deleted(mark: str, value: Any) -> None:
    rows = DeletedRows()
    assert not rows.is_deleted({"id": "1", mark: value})
    assert rows.is_deleted({"id": "1", mark: "2026-06-03"})


def test_one_of_several_marks_is_enough() -> None:
    assert DeletedRows().is_deleted({"_SDC_DELETED_AT": None, "__deleted": "true"})


@pytest.mark.parametrize(
    "column", ["deleted", "deleted_at", "is_deleted", "_deleted", "_sdc_batched_at"]
)
def test_other_columns_are_no_marks(column: str) -> None:
    assert not DeletedRows().is_deleted({"id": "1", column: "2026-06-03"})


@pytest.mark.parametrize("column", ["_airbyte_data", "_AIRBYTE_DATA"])
@pytest.mark.parametrize(
    "write", [dict, json.dumps, lambda row: json.dumps(json.dumps(row))]
)
def test_a_whole_row_within_a_column_may_have_the_mark(column: str, write: Any) -> None:
    rows = DeletedRows()
    kept = {"id": "1", "note": "deleted", "_ab_cdc_deleted_at": None}
    assert not rows.is_deleted({column: write(kept)})
    assert rows.is_deleted({column: write(kept | {"_ab_cdc_deleted_at": "2026"})})


@pytest.mark.parametrize("text", ["_deleted", "[]", '"_ab_cdc_deleted_at"', "{deleted"])
def test_text_that_is_no_row_has_no_mark(text: str) -> None:
    assert not DeletedRows().is_deleted({"_airbyte_data": text})


def test_names_that_never_come_again_do_not_fill_the_memory() -> None:
    rows = DeletedRows()
    for number in range(20_000):
        assert not rows.is_deleted({f"column {number}": number, "__deleted": None})
    assert len(rows._columns) <= 10_001
    assert rows.is_deleted({"__deleted": True})
