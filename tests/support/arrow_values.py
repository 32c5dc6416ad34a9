"""Values of every Arrow type, and their bytes in an event."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import pyarrow as pa

from tests.support.arrow import NO_FORM, NOT_FINITE, halves

LOWEST: Final = -(2**63)


def raw(values: list[int | None], storage: pa.DataType, kind: pa.DataType) -> pa.Array:
    """Return values by the numbers that Arrow keeps of them."""
    return pa.array(values, storage).view(kind)


def at(kind: pa.DataType, *values: int) -> pa.Array:
    return raw([*values, None], pa.int64(), kind)


MOMENT: Final = 1716944231227
"""In milliseconds; a second later, without a fraction, follows it in the table."""
YEAR_ONE: Final = -62135596800000000
"""In microseconds."""
WEBHOOK: Final = UUID("5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b1001")

PLAIN: Final[dict[str, tuple[pa.Array, list[Any]]]] = {
    "null": (pa.nulls(2), [None, None]),
    "bool": (pa.array([True, False, None]), [b"true", b"false", None]),
    "int8": (pa.array([-128, 127, None], pa.int8()), [b"-128", b"127", None]),
    "int16": (pa.array([-32768], pa.int16()), [b"-32768"]),
    "int32": (pa.array([-(2**31)], pa.int32()), [b"-2147483648"]),
    "int64": (pa.array([LOWEST], pa.int64()), [b"-9223372036854775808"]),
    "uint8": (pa.array([255], pa.uint8()), [b"255"]),
    "uint16": (pa.array([65535], pa.uint16()), [b"65535"]),
    "uint32": (pa.array([2**32 - 1], pa.uint32()), [b"4294967295"]),
    "uint64": (pa.array([2**64 - 1], pa.uint64()), [b"18446744073709551615"]),
    "float16": (
        halves(1.5, 0.1, float("nan"), float("inf")),
        [b"1.5", b"0.0999755859375", NOT_FINITE, NOT_FINITE],
    ),
    "float32": (
        pa.array(
            [9.99, 1.0, 16777216.0, 1e22, -0.1, float("nan"), -float("inf"), None],
            pa.float32(),
        ),
        [
            *(b"9.99", b"1.0", b"16777216.0", b"1E+22", b"-0.1"),
            *(NOT_FINITE, NOT_FINITE, None),
        ],
    ),
    "float64": (
        pa.array([9.99, 0.1 + 0.2, 1.0, 1e22, float("nan"), float("inf"), None]),
        [
            *(b"9.99", b"0.30000000000000004", b"1.0", b"1E+22"),
            *(NOT_FINITE, NOT_FINITE, None),
        ],
    ),
    "string": (pa.array(["é", 'a"b', None]), ['"é"'.encode(), rb'"a\"b"', None]),
    "large_string": (pa.array(["a", None], pa.large_string()), [b'"a"', None]),
    "string_view": (
        pa.array(["a", "more than twelve bytes", None], pa.string_view()),
        [b'"a"', b'"more than twelve bytes"', None],
    ),
    "binary": (
        pa.array(["é".encode(), b"\xff", None]),
        ['"é"'.encode(), NO_FORM, None],
    ),
    "large_binary": (pa.array([b"a", None], pa.large_binary()), [b'"a"', None]),
    "binary_view": (
        pa.array([b"a", b"\xff", None], pa.binary_view()),
        [b'"a"', NO_FORM, None],
    ),
    "fixed_size_binary": (
        pa.array([b"ab", b"\xff\xff", None], pa.binary(2)),
        [b'"ab"', NO_FORM, None],
    ),
}

DECIMALS: Final[dict[str, tuple[pa.Array, list[Any]]]] = {
    "decimal32": (
        pa.array([Decimal("9.90"), Decimal("-0.01"), None], pa.decimal32(9, 2)),
        [b"9.90", b"-0.01", None],
    ),
    "decimal64": (pa.array([Decimal("9.990")], pa.decimal64(18, 3)), [b"9.990"]),
    "decimal128": (
        pa.array([Decimal("12345678901234567890123456789012345.678")]),
        [b"12345678901234567890123456789012345.678"],
    ),
    "decimal128 of a small scale": (
        pa.array([Decimal("0E-20"), Decimal("1.5")], pa.decimal128(38, 20)),
        [b"0E-20", b"1.50000000000000000000"],
    ),
    "decimal128 of a negative scale": (
        pa.array([Decimal(12300), None], pa.decimal128(5, -2)),
        [b"1.23E+4", None],
    ),
    "decimal128 of a scale that Arrow has no text for": (
        pa.Array.from_buffers(
            pa.decimal128(5, -400), 1, [None, pa.py_buffer((1).to_bytes(16, "little"))]
        ),
        [NO_FORM],
    ),
    "decimal256": (
        pa.array([Decimal("9" * 66 + ".0123456789")], pa.decimal256(76, 10)),
        [b"9" * 66 + b".0123456789"],
    ),
}

TIMES: Final[dict[str, tuple[pa.Array, list[Any]]]] = {
    "date32": (
        raw(
            [0, 19872, 2932896, -719162, 2932897, 2**31 - 1, None],
            *[pa.int32(), pa.date32()],
        ),
        [
            *(b'"1970-01-01"', b'"2024-05-29"', b'"9999-12-31"', b'"0001-01-01"'),
            *(NO_FORM, NO_FORM, None),
        ],
    ),
    "date64": (
        at(pa.date64(), 19872 * 86_400_000, 19872 * 86_400_000 + 60_000, LOWEST),
        [b'"2024-05-29"', b'"2024-05-29T00:01:00+00:00"', NO_FORM, None],
    ),
    "time32[s]": (
        raw([0, 86399, 86400, -1, None], pa.int32(), pa.time32("s")),
        [b'"00:00:00"', b'"23:59:59"', NO_FORM, NO_FORM, None],
    ),
    "time32[ms]": (
        raw([43200000, 43200227, None], pa.int32(), pa.time32("ms")),
        [b'"12:00:00"', b'"12:00:00.227000"', None],
    ),
    "time64[us]": (
        at(pa.time64("us"), 43200000000, 43200227760),
        [b'"12:00:00"', b'"12:00:00.227760"', None],
    ),
    "time64[ns]": (
        at(pa.time64("ns"), 43200227760000, 43200227760120, 43200000000001),
        [
            *(b'"12:00:00.227760"', b'"12:00:00.227760120"'),
            *(b'"12:00:00.000000001"', None),
        ],
    ),
    "timestamp[s]": (
        at(pa.timestamp("s"), 1716944231, -1, 253402300800, LOWEST),
        [
            *(b'"2024-05-29T00:57:11+00:00"', b'"1969-12-31T23:59:59+00:00"'),
            *(NO_FORM, NO_FORM, None),
        ],
    ),
    "timestamp[ms]": (
        at(pa.timestamp("ms"), MOMENT, MOMENT + 773, LOWEST),
        [
            b'"2024-05-29T00:57:11.227000+00:00"',
            b'"2024-05-29T00:57:12+00:00"',
            *(NO_FORM, None),
        ],
    ),
    "timestamp[us]": (
        at(
            pa.timestamp("us"),
            MOMENT * 1000 + 760,
            -62135596800000001 - 366 * 86400 * 10**6,
        ),
        [b'"2024-05-29T00:57:11.227760+00:00"', NO_FORM, None],
    ),
    "timestamp[ns]": (
        at(pa.timestamp("ns"), MOMENT * 10**6, MOMENT * 10**6 + 1, LOWEST),
        [
            b'"2024-05-29T00:57:11.227000+00:00"',
            b'"2024-05-29T00:57:11.227000001+00:00"',
            b'"1677-09-21T00:12:43.145224192+00:00"',
            None,
        ],
    ),
    "timestamp of a zone": (
        at(pa.timestamp("us", "America/New_York"), MOMENT * 1000),
        [b'"2024-05-29T00:57:11.227000+00:00"', None],
    ),
    "timestamp of an offset": (
        at(pa.timestamp("ms", "+05:30"), MOMENT),
        [b'"2024-05-29T00:57:11.227000+00:00"', None],
    ),
    "timestamp of an unknown zone": (
        at(pa.timestamp("s", "Mars/Olympus_Mons"), 0),
        [b'"1970-01-01T00:00:00+00:00"', None],
    ),
    "duration": (pa.array([dt.timedelta(1), None]), [NO_FORM, None]),
    "month_day_nano_interval": (
        pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        [NO_FORM, None],
    ),
}

PAIRS: Final = [[("a", 1), ("b", None)], [], None, [("a", 1), ("a", 2)]]
STRUCTS: Final = [{"a": 1, "b": None}, {"a": None, "b": "x"}, None]

NESTED: Final[dict[str, tuple[pa.Array, list[Any]]]] = {
    "struct": (
        pa.array(STRUCTS),
        [b'{"a":1}', b'{"b":"x"}', None],
    ),
    "struct of nothing": (pa.array([{}, None], pa.struct([])), [None, None]),
    **{
        name: (
            pa.array([[1, None], [], None, [2]], kind),
            [b"[1,null]", b"[]", None, b"[2]"],
        )
        for name, kind in {
            "list": pa.list_(pa.int8()),
            "large_list": pa.large_list(pa.int8()),
            "list_view": pa.list_view(pa.int8()),
            "large_list_view": pa.large_list_view(pa.int8()),
        }.items()
    },
    "list_view out of order": (
        pa.ListViewArray.from_arrays(
            [2, 0, 3, 0], [2, 1, 0, 3], pa.array([1, 2, 3, 4])
        ),
        [b"[3,4]", b"[1]", b"[]", b"[1,2,3]"],
    ),
    "fixed_size_list": (
        pa.array([[1, None], None, [3, 4]], pa.list_(pa.int8(), 2)),
        [b"[1,null]", None, b"[3,4]"],
    ),
    "fixed_size_list of nothing": (
        pa.array([[], None], pa.list_(pa.int8(), 0)),
        [b"[]", None],
    ),
    "map": (
        pa.array(PAIRS, pa.map_(pa.string(), pa.int8())),
        [b'{"a":1}', None, None, b'{"a":2}'],
    ),
    "map of text in another form": (
        pa.array([[("a", 1)]], pa.map_(pa.large_string(), pa.int8())),
        [b'{"a":1}'],
    ),
    "map of text as a dictionary": (
        pa.MapArray.from_arrays(
            [0, 1], pa.array(["a"]).dictionary_encode(), pa.array([1])
        ),
        [b'{"a":1}'],
    ),
    "map of numbers": (
        pa.array([[(7, "x")], [], None], pa.map_(pa.int32(), pa.string())),
        [("value_not_json", "value.7"), None, None],
    ),
    "map of structs": (
        pa.array(
            [[({"k": 1}, "x")]], pa.map_(pa.struct([("k", pa.int8())]), pa.string())
        ),
        [("value_not_json", "value.[('k', 1)]")],
    ),
    "dictionary": (
        pa.array(["a", None, "b", "a"]).dictionary_encode(),
        [b'"a"', None, b'"b"', b'"a"'],
    ),
    "dictionary of timestamps with a null": (
        pa.DictionaryArray.from_arrays(
            pa.array([1, 0, None], pa.uint8()), at(pa.timestamp("s"), 0)
        ),
        [None, b'"1970-01-01T00:00:00+00:00"', None],
    ),
    "dictionary of structs": (
        pa.DictionaryArray.from_arrays(pa.array([0, 0, 1]), pa.array([{"a": 1}, None])),
        [b'{"a":1}', b'{"a":1}', None],
    ),
    "run_end_encoded": (
        pa.RunEndEncodedArray.from_arrays(
            pa.array([2, 3, 5], pa.int16()), pa.array(["a", None, "b"])
        ),
        [b'"a"', b'"a"', None, b'"b"', b'"b"'],
    ),
    "dense_union": (
        pa.UnionArray.from_dense(
            pa.array([7, 5, 7, 5], pa.int8()),
            pa.array([0, 0, 1, 1], pa.int32()),
            [pa.array([1, None]), pa.array(["a", "b"])],
            ["number", "text"],
            [5, 7],
        ),
        [b'"a"', b"1", b'"b"', None],
    ),
    "sparse_union": (
        pa.UnionArray.from_sparse(
            pa.array([0, 1, 1, 0], pa.int8()),
            [pa.array([1, 2, 3, None]), pa.array(["a", "b", None, "d"])],
        ),
        [b"1", b'"b"', None, None],
    ),
}

EXTENSIONS: Final[dict[str, tuple[pa.Array, list[Any]]]] = {
    "uuid": (
        pa.array([WEBHOOK.bytes, None], pa.uuid()),
        [b'"5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b1001"', None],
    ),
    "json": (
        pa.array(['{"a": 1.50}', "no JSON", None], pa.json_()),
        [b'{"a":1.50}', b'"no JSON"', None],
    ),
    "bool8": (pa.array([2, 0, None], pa.bool8()), [b"true", b"false", None]),
    "opaque": (
        pa.ExtensionArray.from_storage(
            pa.opaque(pa.string(), "point", "geo"), pa.array(["1 2", None])
        ),
        [b'"1 2"', None],
    ),
    "fixed_shape_tensor": (
        pa.ExtensionArray.from_storage(
            pa.fixed_shape_tensor(pa.int8(), [2]),
            pa.array([[1, 2], None], pa.list_(pa.int8(), 2)),
        ),
        [b"[1,2]", None],
    ),
}

VALUES: Final = PLAIN | DECIMALS | TIMES | NESTED | EXTENSIONS
"""Arrays by what they are of, and for each what `sent_of` returns."""
