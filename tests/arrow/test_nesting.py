"""Values within lists, structs and maps: nulls, numbers, bytes, slices."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pytest

from target_amplitude_nami import Refusal
from tests.support.arrow import built_of, halves, sent_of

NAN: Final = float("nan")
MOMENT: Final = pa.timestamp("ms", "UTC")
SEEN: Final = pa.struct(
    [
        ("at", MOMENT),
        ("by", pa.dictionary(pa.int8(), pa.string())),
        ("counts", pa.map_(pa.string(), pa.list_(pa.float64()))),
    ]
)
DEEP: Final = pa.array(
    [
        [
            {"at": 1716944231227, "by": "app", "counts": [("a", [1.5, None])]},
            {"at": None, "by": None, "counts": None},
            None,
        ],
        [],
        None,
        [{"at": 0, "by": "web", "counts": [("b", None), ("c", [])]}],
    ],
    pa.list_(SEEN),
)
SEEN_BY_APP: Final = (
    b'{"at":"2024-05-29T00:57:11.227000+00:00","by":"app","counts":{"a":[1.5,null]}}'
)
NOT_SEEN: Final = b'{"at":null,"by":null,"counts":null}'
SEEN_BY_WEB: Final = (
    b'{"at":"1970-01-01T00:00:00+00:00","by":"web","counts":{"b":null,"c":[]}}'
)
SENT: Final = [
    b"[%b,%b,null]" % (SEEN_BY_APP, NOT_SEEN),
    b"[]",
    None,
    b"[%b]" % SEEN_BY_WEB,
]


def test_lists_of_structs_of_maps_keep_their_nulls_at_every_level() -> None:
    assert sent_of(DEEP) == SENT


@pytest.mark.parametrize("start", range(5))
@pytest.mark.parametrize("end", range(5))
def test_every_slice_has_its_own_rows(start: int, end: int) -> None:
    assert sent_of(DEEP[start:end]) == SENT[start:end]


def test_a_null_struct_hides_what_its_fields_hold() -> None:
    structs = pa.StructArray.from_arrays(
        [pa.array([1, 2])], ["a"], mask=pa.array([False, True])
    )

    assert sent_of(structs) == [b'{"a":1}', None]


def test_a_null_struct_hides_an_index_of_an_empty_dictionary() -> None:
    kind = pa.struct([("a", pa.dictionary(pa.int8(), pa.string()))])

    assert sent_of(pa.array([[None]], pa.list_(kind))) == [b"[null]"]


def test_a_null_list_hides_what_its_part_of_the_values_holds() -> None:
    lists = pa.ListArray.from_arrays(
        pa.array([0, 2, 3]), pa.array([1, 2, 3]), mask=pa.array([True, False])
    )

    assert sent_of(lists) == [None, b"[3]"]


MAP_OF_NUMBERS: Final = pa.map_(pa.string(), pa.list_(pa.float32()))


@pytest.mark.parametrize(
    ("values", "place"),
    [
        (pa.array([NAN]), "value"),
        (pa.array([NAN], pa.float32()), "value"),
        (pa.array([[1.5, NAN]]), "value.1"),
        (pa.FixedSizeListArray.from_arrays(halves(NAN), 1), "value.0"),
        (pa.array([{"a": NAN}]), "value.a"),
        (pa.array([[("a", [NAN])]], MAP_OF_NUMBERS), "value.a.0"),
        (
            pa.array(
                [[{"a": [("b", [0, NAN])]}]],
                pa.list_(pa.struct([("a", MAP_OF_NUMBERS)])),
            ),
            "value.0.a.b.1",
        ),
        (pa.array([NAN]).dictionary_encode(), "value"),
        (
            pa.RunEndEncodedArray.from_arrays(
                pa.array([1], pa.int16()), pa.array([NAN])
            ),
            "value",
        ),
        (
            pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([NAN])]),
            "value",
        ),
    ],
    ids=lambda each: str(getattr(each, "type", each)),
)
def test_nan_is_a_reject_that_names_its_place(values: pa.Array, place: str) -> None:
    (refusal,) = built_of(values)

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "number_not_finite"
    assert f"event_properties.{place} is NaN" in refusal.detail


CUT: Final = pa.array([b"ok", b"\xff", "é".encode(), None])


def text_of(bytes_: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return bytes as a text column of another program's, which checks nothing."""
    return bytes_.view(kind)


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        (text_of(CUT, pa.string()), "value"),
        (text_of(CUT.cast(pa.large_binary()), pa.large_string()), "value"),
        (text_of(CUT.cast(pa.binary_view()), pa.string_view()), "value"),
        (pa.StructArray.from_arrays([text_of(CUT, pa.string())], ["in"]), "value.in"),
    ],
    ids=lambda each: str(getattr(each, "type", each)),
)
def test_text_that_is_not_utf_8_rejects_its_own_record_only(
    texts: pa.Array, field: str
) -> None:
    good, bad, accented, empty = sent_of(texts)

    assert bad == ("value_not_json", field)
    assert not {("value_not_json", field)} & {good, accented, empty}


def test_a_name_of_a_map_that_is_not_utf_8_rejects_its_own_record_only() -> None:
    names = text_of(pa.array([b"ok", b"\xff"]), pa.string())
    maps = pa.MapArray.from_arrays([0, 1, 2], names, pa.array([1, 2]))

    assert sent_of(maps) == [b'{"ok":1}', ("value_not_json", r"value.b'\xff'")]


def test_of_two_equal_names_in_a_map_the_last_counts_as_in_json() -> None:
    pairs = [("a", 1), ("b", 2), ("a", 3)]
    maps = pa.array([pairs], pa.map_(pa.string(), pa.int8()))

    assert sent_of(maps) == [b'{"a":3,"b":2}']


def test_a_list_deeper_than_amplitude_takes_is_a_reject() -> None:
    kind: pa.DataType = pa.int8()
    value: Any = 1
    for _ in range(60):
        kind, value = pa.list_(kind), [value]

    assert sent_of(pa.array([value], kind)) == [("too_deep", "event_properties")]


def test_a_schema_deeper_than_any_record_may_be_is_a_reject() -> None:
    kind: pa.DataType = pa.int8()
    value: Any = 1
    for _ in range(220):
        kind, value = pa.list_(kind), [value]

    assert sent_of(pa.array([value], kind)) == [("too_deep", "")]
