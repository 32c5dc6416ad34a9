"""Arrow data gives what the same values give as Python's."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.arrow import records_of
from target_amplitude_nami.normalising import NotJSON, normalise

TEXT: Final = st.text(st.characters(codec="utf-8"))


def values_of(kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Return values of a type that pyarrow gives back as the values of Python."""
    values: st.SearchStrategy[Any]
    match kind:
        case pa.StructType():
            values = st.fixed_dictionaries(
                {field.name: values_of(field.type) for field in kind}
            )
        case pa.ListType() | pa.LargeListType() | pa.ListViewType():
            values = st.lists(values_of(kind.value_type), max_size=3)
        case pa.FixedSizeListType():
            size = kind.list_size
            values = st.lists(values_of(kind.value_type), min_size=size, max_size=size)
        case _:
            values = LEAVES[kind]
    return st.none() | values


LEAVES: Final[dict[pa.DataType, st.SearchStrategy[Any]]] = {
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(),
    pa.string(): TEXT,
    pa.large_string(): TEXT,
    pa.string_view(): TEXT,
    pa.binary(): st.binary(max_size=3) | TEXT.map(str.encode),
    pa.dictionary(pa.int32(), pa.string()): TEXT,
    pa.decimal128(12, 4): st.decimals(-(10**7), 10**7, places=4),
    pa.decimal256(76, 30): st.decimals(-(10**40), 10**40, places=30),
    pa.date32(): st.dates(),
    pa.date64(): st.dates(),
    pa.time32("s"): st.times().map(lambda value: value.replace(microsecond=0)),
    pa.time64("us"): st.times(),
    pa.timestamp("us"): st.datetimes(),
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(dt.UTC)),
    pa.timestamp("ms"): st.datetimes().map(
        lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000)
    ),
}

KINDS: Final = st.recursive(
    st.sampled_from(list(LEAVES)),
    lambda inner: (
        inner.map(pa.list_)
        | inner.map(pa.large_list)
        | inner.map(pa.list_view)
        | inner.map(lambda kind: pa.list_(kind, 2))
        | st.lists(inner, max_size=3).map(
            lambda kinds: pa.struct(
                [pa.field(f"field_{n}", kind) for n, kind in enumerate(kinds)]
            )
        )
    ),
    max_leaves=4,
)


def plain(record: dict[str, Any]) -> str:
    try:
        return repr(normalise(record))
    except NotJSON as error:
        return repr(error)


@given(data=st.data(), kind=KINDS)
def test_rows_are_what_python_would_make_of_them(
    data: st.DataObject, kind: pa.DataType
) -> None:
    values = data.draw(st.lists(values_of(kind), max_size=6))
    start = data.draw(st.integers(0, len(values)))
    table = pa.table({"value": pa.array(values, kind)}).slice(start)

    records = list(records_of(table))

    assert [plain(record) for record in records] == [
        plain(record) for record in table.to_pylist()
    ]


@given(values=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_a_number_of_single_precision_is_the_shortest_text_that_gives_it(
    values: list[float],
) -> None:
    table = pa.table({"value": pa.array(values, pa.float32())})
    texts = [str(normalise(record)["value"]) for record in records_of(table)]

    for value, text in zip(values, texts, strict=True):
        assert pa.scalar(float(text), pa.float32()).as_py() == value
        digits = Decimal(text).normalize().as_tuple().digits
        shorter = f"{value:.{len(digits) - 2}e}" if len(digits) > 1 else "inf"
        assert pa.scalar(float(shorter), pa.float32()).as_py() != value
