"""Converts columns of any Arrow type, nested ones by way of what they hold."""

from __future__ import annotations

import typing as t
from collections import Counter
from itertools import pairwise

import pyarrow as pa
from pyarrow import lib

from target_amplitude_nami.arrow import leaves
from target_amplitude_nami.errors import InputUnreadable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from target_amplitude_nami.arrow.leaves import Converter


def converters_of(fields: Sequence[pa.Field], within: str = "") -> list[Converter]:
    """Return a converter for each column of a table, or each field of a struct.

    Args:
        fields: Their names and types.
        within: The struct that they are in, as errors name it.

    Raises:
        InputUnreadable: When two of them, here or in a struct within, have one name.
    """
    counts = Counter(field.name for field in fields)
    name, count = max(counts.items(), key=lambda each: each[1], default=("", 0))
    if count > 1:
        raise InputUnreadable(
            f"the Arrow data has {count} columns of the name {within}{name}: rename "
            f"them, so that each has a name of its own"
        )
    return [_converter_of(field.type, f"{within}{field.name}") for field in fields]


def rows_of(
    names: Sequence[str], columns: Sequence[list[t.Any]], length: int
) -> Iterator[dict[str, t.Any]]:
    """Return a dictionary for each row of some columns.

    Args:
        names: The columns' names.
        columns: Their values.
        length: How many rows there are, also where there is no column.
    """
    if not columns:
        return ({} for _ in range(length))
    return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


def _converter_of(kind: pa.DataType, path: str) -> Converter:
    if isinstance(kind, pa.BaseExtensionType):
        convert = leaves.EXTENSIONS.get(kind.extension_name)
        return _extensions(convert or _converter_of(kind.storage_type, path))
    nested = _NESTED.get(kind.id)
    if nested is not None:
        return nested(kind, path)
    return leaves.CONVERTERS.get(kind.id, leaves.unreadable)


def _extensions(convert: Converter) -> Converter:
    return lambda array: convert(array.storage)


def _structs(kind: pa.StructType, path: str) -> Converter:
    fields = [kind.field(number) for number in range(kind.num_fields)]
    names = [field.name for field in fields]
    converters = converters_of(fields, f"{path}.")

    def convert(array: pa.StructArray) -> list[t.Any]:
        columns = [each(array.field(number)) for number, each in enumerate(converters)]
        return _with_nulls(array, rows_of(names, columns, len(array)))

    return convert


def _lists(kind: pa.ListType, path: str) -> Converter:
    convert_items = _converter_of(kind.value_type, path)

    def convert(array: pa.ListArray) -> list[t.Any]:
        bounds, held = _bounds(array)
        items = convert_items(array.values[held])
        return _with_nulls(array, (items[start:end] for start, end in pairwise(bounds)))

    return convert


def _maps(kind: pa.MapType, path: str) -> Converter:
    convert_keys = _converter_of(kind.key_type, path)
    convert_items = _converter_of(kind.item_type, path)

    def convert(array: pa.MapArray) -> list[t.Any]:
        bounds, held = _bounds(array)
        keys = _names(array.keys[held], convert_keys)
        items = convert_items(array.items[held])
        return _with_nulls(
            array,
            (
                dict(zip(keys[start:end], items[start:end], strict=True))
                for start, end in pairwise(bounds)
            ),
        )

    return convert


def _names(keys: pa.Array, convert: Converter) -> list[t.Any]:
    """Return the names of members; for any that is no text, the record is rejected.

    Keys that Python can have in no dictionary have no form in JSON either.
    """
    names = convert(keys)
    if {dict, list}.isdisjoint(map(type, names)):
        return names
    return [
        leaves.formless(key) if isinstance(name, (dict, list)) else name
        for name, key in zip(names, keys, strict=True)
    ]


def _bounds(array: pa.Array) -> tuple[list[int], slice]:
    """Return where lists begin and end in the part of the values that they hold."""
    offsets: list[int] = array.offsets.to_pylist() if len(array) else [0]
    first, last = offsets[0], offsets[-1]
    return [offset - first for offset in offsets], slice(first, last)


def _lists_of_one_size(kind: pa.FixedSizeListType, path: str) -> Converter:
    size = kind.list_size
    convert_items = _converter_of(kind.value_type, path)

    def convert(array: pa.FixedSizeListArray) -> list[t.Any]:
        first, length = array.offset * size, len(array) * size
        items = convert_items(array.values.slice(first, length))
        starts = range(0, length, size) if size else [0] * len(array)
        return _with_nulls(array, (items[start : start + size] for start in starts))

    return convert


def _list_views(kind: pa.ListViewType, path: str) -> Converter:
    convert_items = _converter_of(kind.value_type, path)

    def convert(array: pa.ListViewArray) -> list[t.Any]:
        starts = array.offsets.to_pylist()
        sizes = array.sizes.to_pylist()
        places = [
            (start, start + size) for start, size in zip(starts, sizes, strict=True)
        ]
        first = min((start for start, end in places if end > start), default=0)
        last = max((end for start, end in places if end > start), default=0)
        items = convert_items(array.values[first:last])
        # An empty list may be anywhere, and no place makes it anything else.
        return _with_nulls(
            array, (items[start - first : end - first] for start, end in places)
        )

    return convert


def _with_nulls(array: pa.Array, values: Iterable[t.Any]) -> list[t.Any]:
    """Return values with None where an array of its own validity has a null."""
    if not array.null_count:
        return list(values)
    is_valid = array.is_valid().to_pylist()
    return [
        value if valid else None for value, valid in zip(values, is_valid, strict=True)
    ]


def _dictionaries(kind: pa.DictionaryType, path: str) -> Converter:
    convert_values = _converter_of(kind.value_type, path)
    last: pa.Array | None = None
    values: list[t.Any] = []

    def convert(array: pa.DictionaryArray) -> list[t.Any]:
        # Parts of a batch share a dictionary, which may be larger than any of them.
        nonlocal last, values
        if last is None or _memory_of(array.dictionary) != _memory_of(last):
            last = array.dictionary
            values = convert_values(last)
        if not values:  # within nulls, there may be indices all the same
            return [None] * len(array)
        return [
            None if index is None else values[index]
            for index in array.indices.to_pylist()
        ]

    return convert


def _memory_of(array: pa.Array) -> tuple[object, ...]:
    """Return what two arrays have in common as long as both exist and are one."""
    places = [buffer and (buffer.address, buffer.size) for buffer in array.buffers()]
    return len(array), array.offset, places


def _runs(kind: pa.RunEndEncodedType, path: str) -> Converter:
    convert_values = _converter_of(kind.value_type, path)

    def convert(array: pa.RunEndEncodedArray) -> list[t.Any]:
        start, count = array.find_physical_offset(), array.find_physical_length()
        ends = array.run_ends.slice(start, count).to_pylist()
        repeated: list[t.Any] = []
        for end, value in zip(
            ends, convert_values(array.values.slice(start, count)), strict=True
        ):
            until = min(end - array.offset, len(array))
            repeated += [value] * (until - len(repeated))
        return repeated

    return convert


def _unions(kind: pa.UnionType, path: str) -> Converter:
    members = [kind.field(number) for number in range(kind.num_fields)]
    converters = [_converter_of(member.type, path) for member in members]
    number_of = {code: number for number, code in enumerate(kind.type_codes)}

    def convert(array: pa.UnionArray) -> list[t.Any]:
        # Those of pyarrow's `type_codes` and `offsets` are not those of a slice.
        codes = _numbers(array, 1, pa.int8())
        numbers = [number_of[code] for code in codes]
        is_dense = kind.mode == "dense"
        places = _numbers(array, 2, pa.int32()) if is_dense else range(len(array))
        columns = []
        for number, each in enumerate(converters):
            used = [p for p, n in zip(places, numbers, strict=True) if n == number]
            first = min(used, default=0)
            last = max(used, default=-1) + 1
            columns.append((first, each(array.field(number)[first:last])))
        values = []
        for place, number in zip(places, numbers, strict=True):
            first, column = columns[number]
            values.append(column[place - first])
        return values

    return convert


def _numbers(array: pa.UnionArray, buffer: int, kind: pa.DataType) -> list[int]:
    numbers: list[int] = pa.Array.from_buffers(
        kind, len(array), [None, array.buffers()[buffer]], offset=array.offset
    ).to_pylist()
    return numbers


_NESTED: t.Final[dict[int, Callable[[t.Any, str], Converter]]] = {
    lib.Type_DENSE_UNION: _unions,
    lib.Type_DICTIONARY: _dictionaries,
    lib.Type_FIXED_SIZE_LIST: _lists_of_one_size,
    lib.Type_LARGE_LIST: _lists,
    lib.Type_LARGE_LIST_VIEW: _list_views,
    lib.Type_LIST: _lists,
    lib.Type_LIST_VIEW: _list_views,
    lib.Type_MAP: _maps,
    lib.Type_RUN_END_ENCODED: _runs,
    lib.Type_SPARSE_UNION: _unions,
    lib.Type_STRUCT: _structs,
}
