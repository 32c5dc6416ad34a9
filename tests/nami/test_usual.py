"""What has its usual form is read by a short way, and says the same as by the long."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.nami.columns import plain_members, plain_value
from target_amplitude_nami.nami.records import (
    NamiEvent,
    NamiUser,
    RecordReader,
    UnreadableRecordError,
)
from tests.support.records import (
    DEVICE,
    OTHER_DEVICE,
    RECORDS,
    Record,
    device,
    entitlement,
    external_ids,
    impression,
    journey,
    transaction,
    user,
    user_event,
    without,
)
from tests.support.shapes import SHAPES, json_text

NO_ID: Final = "nami_device_id_not_set"
ANYTHING: Final[list[Any]] = [
    None, "", "x", "0", "true", "null", "[]", "{}", "[1", "\ud83d", NO_ID, True, False,
    0, 1, 7, 2**70, 1.5, float("nan"), Decimal("7.0"), Decimal("7.5"), Decimal("NaN"),
    [], {}, [None], ["x"], [[]], [{}], {"id": "x"}, (), ({"id": "x"},), {"x"},
]  # fmt: skip
IDS: Final = [
    *["a", "b", "c", DEVICE, OTHER_DEVICE] * 6,
    *[None, "", NO_ID, 7, Decimal("7.0"), "\ud83d"] * 2,
    *ANYTHING,
]
FLAGS: Final = [
    *[True, False, None] * 10,
    *["true", "F", "1", "", 0, 1, Decimal("1.0"), "perhaps", 2, [], {}],
]
TIMES: Final = [
    "2024-05-29T00:57:11.227760+00:00",
    "2024-05-29 00:57:11",
    "20240529",
    1716944231,
    "1716944231227",
    Decimal("1716944231.5"),
    "soon",
    *ANYTHING,
]
PROPERTIES: Final = [
    *ANYTHING,
    {"a": {"b": [None, {}], "c": "text"}, "d": 1},
    {"a": {"b": None}, "c": 'it — "has" {some} [signs]'},
    '{"a": {"b": null}, "c": [1, {}]}',
    {"a": '{"b": {}}', "c": {"d": "[1"}, "e": {}},
    {"a": 123, "b": 192, "c": 128, "d": 91, "e": "—", "f": Decimal("1.10")},
]


class Maker:
    """Makes records, in which a few things are not as Nami has them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - the same every time

    def record(self) -> Record:
        choose = self.random
        record: Record = dict(
            choose.choice([user_event(), user_event(), impression(), user()])
        )
        for _ in range(choose.choice([0, 0, 1, 1, 2, 3, 8])):
            name, value = choose.choice(
                [
                    ("active_entitlements", self.array(self.entitlement)),
                    ("devices", self.array(self.device)),
                    ("external_ids", self.array(self.external_id)),
                    ("customer_journey_state", self.journey()),
                    ("event_type", choose.choice(["user.x", *ANYTHING])),
                    ("created_date", choose.choice(TIMES)),
                    ("updated_at", choose.choice(TIMES)),
                    (choose.choice(["a", "event_id"]), choose.choice(PROPERTIES)),
                    (choose.choice(["b", "context"]), choose.choice(PROPERTIES)),
                    ("payload", choose.choice([user_event(), *PROPERTIES])),
                    ("namiml_active_skus", choose.choice(PROPERTIES)),
                    ("namiml_in_pause", choose.choice(FLAGS)),
                    *[
                        (name, choose.choice(IDS))
                        for name in ("id", "user_id", "device_id", "external_id")
                    ],
                ]
            )
            if choose.random() < 0.2:
                record.pop(name, None)
            else:
                record[name] = value
        return record

    def array(self, make: Any) -> Any:
        items = [make() for _ in range(self.random.choice([0, 1, 1, 2, 3, 5]))]
        if self.random.random() < 0.15:
            items.append(self.random.choice(ANYTHING))
        forms = [items] * 8 + [tuple(items), items[0] if items else {}, None]
        return self.random.choice([*forms, self.text(items), *ANYTHING[:3], 3, "[1"])

    def entitlement(self) -> Record:
        return self.some(entitlement(), "\ud83d", "name", *entitlement())

    def device(self) -> Record:
        one = self.some(device(), "id", "platform", "app_platform_id", "platform_id")
        if isinstance(one.get("platform"), str):
            one["platform"] = self.some({"id": "p", "platform_type": "x"}, "id")
        return one

    def external_id(self) -> Record:
        one = self.random.choice(external_ids())
        return self.some(one, "value") if self.random.random() < 0.8 else {"key": "x"}

    def journey(self) -> Any:
        flags = {name: self.random.choice(FLAGS[:30]) for name in [*journey(), "x"]}
        if self.random.random() < 0.4:
            flags[self.random.choice([*journey()])] = self.random.choice(FLAGS)
        return self.random.choice([flags] * 6 + [self.text(flags), *ANYTHING])

    def some(self, whole: Record, *names: str) -> Record:
        one = dict(whole)
        for name in names:
            if self.random.random() < 0.3:
                one[name] = self.random.choice(IDS)
            elif self.random.random() < 0.1:
                one.pop(name, None)
        return one

    def text(self, value: Any) -> Any:
        try:
            return json_text(value)
        except TypeError:  # a set
            return "["


def shaped(record: Record, shape: str) -> Record:
    try:
        return SHAPES[shape](record)
    except TypeError:  # no JSON can say it
        return record


def records(seed: int) -> list[Record]:
    """Make records of one shape, as one stream has."""
    shape = (
        "nested", "JSON text in columns", "a__b columns", "metadata beside",
        "UPPER CASE A__B columns with metadata", "object in payload", "text in body",
    )[seed % 7]  # fmt: skip
    maker = Maker(seed)
    return [shaped(maker.record(), shape) for _ in range(500)]


def outcomes(records: list[Record], **more: Any) -> list[str]:
    """Read records through one reader; texts tell 1, 1.0 and true apart."""
    reader = RecordReader("stream", **more)
    told = []
    for record in records:
        try:
            told.append(repr(reader.read(record)))
        except UnreadableRecordError as error:
            told.append(repr((error.reason, error.field, error.detail)))
            told.append(repr(error.event_type))
    return told


READERS: Final[dict[str, dict[str, Any]]] = {
    "any": {},
    "schema": {"columns": ["event_type", "id"]},
    "events": {"event_streams": ["*"]},
    "users": {"user_streams": ["*"]},
    "none": {"event_streams": ["x"], "user_streams": ["x"]},
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("seed", range(14))
def test_the_short_way_says_what_the_long_way_says(
    seed: int, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = records(seed)
    both = outcomes(made, **READERS[reader])

    monkeypatch.setattr(RecordReader, "_read_usual", lambda _self, _fields: None)

    assert both == outcomes(made, **READERS[reader])


def test_the_records_above_are_of_every_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Counter[str] = Counter()
    read_any = RecordReader._read_any

    def take_long_way(self: RecordReader, fields: Record) -> Any:
        found["long way"] += 1
        return read_any(self, fields)

    monkeypatch.setattr(RecordReader, "_read_any", take_long_way)
    for seed in range(14):
        reader = RecordReader("stream")
        for record in records(seed):
            try:
                found[type(reader.read(record)).__name__] += 1
            except UnreadableRecordError as error:
                found[error.reason] += 1

    assert found.pop("long way") < found["NamiEvent"] + found["NamiUser"]
    assert found.keys() == {
        "NamiEvent",
        "NamiUser",
        "NoneType",
        "event_type_missing",
        "not_a_boolean",
        "not_an_array",
        "not_an_id",
        "not_an_object",
        "not_json",
        "time_missing",
        "time_unreadable",
        "user_id_missing",
    }
    assert min(found.values()) >= 10, found


def takes_the_short_way(record: Record, monkeypatch: pytest.MonkeyPatch) -> bool:
    reader = RecordReader("stream")
    reader.read(record)
    monkeypatch.setattr(reader, "_read_any", lambda _fields: None)
    return isinstance(reader.read(record), NamiEvent | NamiUser)


SHORT: Final = {
    name: record
    for name, record in RECORDS.items()
    if name not in {"no time", "a user under `id`"}
}


@pytest.mark.parametrize(
    "shape",
    [
        "nested",
        "JSON text in columns",
        "a__b columns",
        "metadata beside",
        "text in body",
    ],
)
@pytest.mark.parametrize("name", SHORT)
def test_what_nami_sends_takes_the_short_way(
    name: str, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert takes_the_short_way(SHAPES[shape](RECORDS[name]), monkeypatch)


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": 7, "id": 7000000001, "device_id": Decimal("7.0")},
        {"external_ids": external_ids(10420077)},
        {"external_ids": json_text(external_ids())},
        {"external_ids": [None, "x", *external_ids()]},
        {"external_ids": "", "external_id": 10420077},
        {"customer_journey_state": {"in_pause": "f", "is_cancelled": 1}},
        {"devices": device(), "active_entitlements": entitlement()},
        {"devices": [{"id": DEVICE, "app_platform_id": "p"}]},
        {"created_date": 1716944231227},
        {"event_type": "user.new", "context": {"a": None}, "note": "{}"},
    ],
    ids=repr,
)
def test_so_does_what_is_nearly_as_usual(
    changes: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert takes_the_short_way(user_event(**changes), monkeypatch)


@pytest.mark.parametrize("made", [(device(),), frozenset(), {"x"}], ids=repr)
def test_what_a_stream_map_made_is_no_array(made: object) -> None:
    with pytest.raises(UnreadableRecordError) as caught:
        RecordReader("stream").read(user_event(devices=made))

    assert caught.value.reason == "not_an_array"


def test_a_column_that_was_always_null_does_not_end_the_short_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = transaction(note=None, _sdc_deleted_at=None)

    assert takes_the_short_way(record, monkeypatch)


def test_columns_that_come_and_go_are_read_as_they_are() -> None:
    reader = RecordReader("stream")
    plain, upper = user_event(), {k.upper(): v for k, v in user_event().items()}
    events = [reader.read(record) for record in (plain, upper, plain, upper)]

    assert events == [events[0]] * 4
    flagged = plain | {"namiml_in_pause": True, "customer_journey_state": None}
    event = reader.read(flagged)
    assert isinstance(event, NamiEvent)
    assert event.state.in_pause is True
    assert reader.read({"payload": plain}) == events[0]
    assert reader.read(without(plain, "id") | {"event_id": plain["id"]}) == events[0]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(st.characters(codec=None, exclude_categories=()))
    | st.sampled_from(PROPERTIES),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
)


@given(members=st.dictionaries(st.text(), VALUES))
def test_an_object_is_looked_through_to_its_last_member(members: Record) -> None:
    assert repr(plain_members(members)) == repr(plain_value(members) or {})


@pytest.mark.parametrize(
    "members",
    [
        {"a": None},
        {"a": {}},
        {"a": {"b": {"c": None}}},
        {"a": {"b": {"c": "{}"}}},
        {"a": [], "b": "[1]"},
        {"a": "[1", "b": {}},
        {"\ud83d": {}, "a": "\ud83d"},
        {"a": 2**70, "b": None},
        {"a": {1}, "b": None},
        {"a": "— and ☀️", "b": {}},
        {"a": {"b": [{"c": {}}], "d": {}}, "e": "—"},
        {"—": None},
    ],
    ids=repr,
)
def test_what_has_to_change_is_found(members: Record) -> None:
    assert plain_members(members) == (plain_value(members) or {})
    assert plain_members(members) != members


def test_what_is_plain_is_not_copied() -> None:
    for text in ("text", "Écoutez — “sans pub” ☀️"):
        members = {"a": {"b": ["x", {"c": Decimal("1.10")}], "d": True}, "e": text}
        assert plain_members(members) is members
