"""Batches, tables, streams and data frames of other libraries become records."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest

from target_amplitude_nami import InputUnreadable
from target_amplitude_nami.arrow import records_of

ROWS = [{"id": number, "name": f"name {number}"} for number in range(10_000)]


class DataFrame:
    """What any library offers of its data, whether a stream or one batch."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


class Row:
    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        return self._batch.__arrow_c_array__(requested_schema)


def test_a_batch_of_any_length_gives_its_rows_in_order() -> None:
    assert list(records_of(pa.RecordBatch.from_pylist(ROWS))) == ROWS


def test_a_table_whose_columns_are_cut_in_different_places_gives_its_rows() -> None:
    ids = pa.chunked_array(
        [pa.array(range(7)), pa.array([], pa.int64()), pa.array(range(7, 10_000))]
    )
    names = pa.chunked_array(
        [[row["name"] for row in ROWS[:5_000]], [row["name"] for row in ROWS[5_000:]]]
    )
    table = pa.table({"id": ids, "name": names})

    assert list(records_of(table)) == ROWS
    assert list(records_of(DataFrame(table))) == ROWS


def test_a_reader_is_read_batch_by_batch() -> None:
    batches = pa.Table.from_pylist(ROWS).to_batches(max_chunksize=10)
    taken = []

    def give() -> Any:
        for batch in batches:
            taken.append(batch)
            yield batch

    records = records_of(pa.RecordBatchReader.from_batches(batches[0].schema, give()))

    assert next(records) == ROWS[0]
    assert len(taken) == 1
    assert list(records) == ROWS[1:]


def test_data_of_one_batch_from_another_library_gives_its_rows() -> None:
    assert list(records_of(Row(pa.RecordBatch.from_pylist(ROWS[:3])))) == ROWS[:3]


def test_a_slice_of_a_batch_gives_its_own_rows() -> None:
    assert list(records_of(pa.RecordBatch.from_pylist(ROWS)[17:21])) == ROWS[17:21]


@pytest.mark.parametrize(
    "data",
    [
        pa.record_batch({"id": pa.array([], pa.int64())}),
        pa.table(
            {
                "id": pa.array(
                    [], pa.list_(pa.struct([("a", pa.map_(pa.string(), pa.int8()))]))
                )
            }
        ),
        pa.schema([("id", pa.int64())]).empty_table(),
        pa.table({}),
    ],
)
def test_data_without_rows_gives_none(data: Any) -> None:
    assert list(records_of(data)) == []


def test_rows_without_columns_are_still_rows() -> None:
    batch = pa.RecordBatch.from_struct_array(pa.array([{}, {}], pa.struct([])))

    assert list(records_of(batch)) == [{}, {}]


def test_a_null_is_a_member_that_is_none() -> None:
    assert list(records_of(pa.table({"id": [None, 1]}))) == [{"id": None}, {"id": 1}]


def test_two_columns_of_one_name_are_an_error() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([1]), pa.array([2])], ["id", "id"])

    with pytest.raises(InputUnreadable) as caught:
        records_of(batch)
    assert str(caught.value) == (
        "the Arrow data has 2 columns of the name id: rename them, so that each has a "
        "name of its own"
    )


def test_two_fields_of_one_name_in_a_struct_are_an_error_that_says_where() -> None:
    twice = pa.struct([pa.field("id", pa.int8()), pa.field("id", pa.string())])
    schema = pa.schema([("devices", pa.list_(pa.struct([("platform", twice)])))])

    with pytest.raises(InputUnreadable, match=r"the name devices\.platform\.id: "):
        records_of(schema.empty_table())


@pytest.mark.parametrize("data", [[{"id": 1}], {"id": 1}, None])
def test_anything_else_is_an_error_of_the_caller(data: object) -> None:
    with pytest.raises(TypeError, match="is not Arrow data: give a RecordBatch"):
        records_of(data)  # type: ignore[arg-type]


def test_without_pyarrow_one_line_says_what_to_install() -> None:
    code = """
import sys
sys.modules["pyarrow"] = None
from target_amplitude_nami import ConfigurationError
from target_amplitude_nami.arrow import records_of
try:
    records_of([])
except ConfigurationError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )

    assert done.stdout.startswith(
        "Arrow data needs one more package: pip install 'target-amplitude-nami[arrow]'"
    )
    assert done.stdout.count("\n") == 1


def test_a_dictionary_larger_than_what_is_read_at_once_is_converted_once() -> None:
    names = pa.array([f"name {number}" for number in range(10_000)])
    numbers = pa.array([*range(10_000), 0])
    column = pa.DictionaryArray.from_arrays(numbers, names)

    values = [r["name"] for r in records_of(pa.record_batch({"name": column}))]

    assert values == [*names.to_pylist(), "name 0"]
    assert values[0] is values[-1]


def test_each_batch_has_the_dictionary_of_its_own() -> None:
    batches = [
        pa.record_batch({"name": pa.array([name] * 2).dictionary_encode()})
        for name in ("a", "b", "c")
    ]
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)

    assert [r["name"] for r in records_of(reader)] == ["a", "a", "b", "b", "c", "c"]
