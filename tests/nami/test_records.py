"""What a record is, and what it says."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from target_amplitude_nami.amplitude.event import EncodedEvent
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.jsontext import MOST_LEVELS, decode
from target_amplitude_nami.nami.records import (
    _MOST_PLANNED,
    NO_STATE,
    NamiEvent,
    NamiUser,
    RecordReader,
    UserState,
)
from target_amplitude_nami.normalising import normalise
from target_amplitude_nami.outcomes import Refusal
from tests.support.pipeline_harness import PipelineHarness
from tests.support.records import (
    DEVICE,
    EXTERNAL_ID,
    NAMI_USER,
    OTHER_DEVICE,
    PLATFORM,
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
from tests.support.shapes import json_text


def read_in_both_ways(record: Record, **more: Any) -> NamiEvent | NamiUser | None:
    """Read a record with the plan for its columns, if there is one, and without."""
    found = RecordReader("stream", **more).read(record)
    assert repr(RecordReader("stream", **more).read_any(record)) == repr(found)
    return found


def read_event(record: Record, **more: Any) -> NamiEvent:
    event = read_in_both_ways(record, **more)
    assert isinstance(event, NamiEvent)
    return event


def read_user(record: Record, **more: Any) -> NamiUser:
    found = read_in_both_ways(record, **more)
    assert isinstance(found, NamiUser)
    return found


def refused(record: Record, **more: Any) -> UnreadableRecord:
    with pytest.raises(UnreadableRecord) as without_plan:
        RecordReader("stream", **more).read_any(record)
    with pytest.raises(UnreadableRecord) as caught:
        RecordReader("stream", **more).read(record)
    assert _said_by(caught.value) == _said_by(without_plan.value)
    return caught.value


def _said_by(error: UnreadableRecord) -> tuple[str | None, str, str, str]:
    return error.event_type, error.reason, error.field, error.detail


# What it is


def test_a_record_with_an_event_type_is_an_event() -> None:
    assert read_event(user_event()).event_type == "user.subscription.renewed"


@pytest.mark.parametrize(
    "record",
    [
        user(),
        {"user_id": NAMI_USER, "external_ids": []},
        {"user_id": NAMI_USER, "external_id": EXTERNAL_ID},
        {"user_id": NAMI_USER, "devices": []},
        {"NAMIML_USER_ID": NAMI_USER, "NAMIML_IN_TRIAL_PERIOD": 1},
        {"id": NAMI_USER, "customer_journey_state__in_pause": False},
        {"payload": user(), "received_at": "2024-05-29"},
    ],
    ids=repr,
)
def test_a_user_id_with_state_or_external_ids_is_a_user(record: Record) -> None:
    assert read_user(record).user_id == NAMI_USER


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"id": 1, "name": "a product"},
        {"user_id": NAMI_USER},
        {"external_id": EXTERNAL_ID},
        {"devices": []},
        {"payload": "free text"},
        {"payload": "[1", "body": "[1]", "id": 1},
        {"payload": {"colour": "red"}},
        {"payload": '{"colour": "red"}'},
        {"event_type": None, "id": 1},
        {"id": 1, "devices": 12},
        {"id": 1, "devices": "iphone"},
        {"id": 1, "devices": []},
        {"id": 1, "devices": ["iphone", "ipad"]},
        {"id": 1, "devices": [{"name": "a lamp"}]},
    ],
    ids=repr,
)
def test_anything_else_is_not_nami(record: Record) -> None:
    assert RecordReader("stream").read(record) is None


def test_a_stream_can_be_said_to_hold_events() -> None:
    more = {"event_streams": ["web*", "str?am"]}

    assert read_event(user_event(), **more).user_id == NAMI_USER
    assert refused({"id": 1}, **more).reason == "event_type_missing"
    assert refused(user(), **more).reason == "event_type_missing"


def test_a_stream_can_be_said_to_hold_users() -> None:
    more = {"user_streams": ["stream"]}

    assert read_user(user(), **more).external_id == EXTERNAL_ID
    assert read_user({"id": NAMI_USER}, **more).state == NO_STATE
    assert read_user(user_event(), **more).user_id == NAMI_USER
    assert refused({"name": 1}, **more).reason == "user_id_missing"


@pytest.mark.parametrize("column", ["event_type", "EVENT_TYPE", "eventType"])
def test_a_schema_with_an_event_type_promises_events(column: str) -> None:
    assert refused(user(), columns=[column]).reason == "event_type_missing"


@pytest.mark.parametrize("value", ["", 7, True, [], {"a": 1}], ids=repr)
def test_an_event_type_is_a_text(value: object) -> None:
    error = refused(user_event(event_type=value))

    assert (error.reason, error.field) == ("event_type_missing", "event_type")
    assert error.event_type is None


@pytest.mark.parametrize("devices", [12, "iphone", ["iphone"]], ids=repr)
def test_devices_beside_a_user_id_are_of_a_user_also_when_they_make_no_sense(
    devices: object,
) -> None:
    assert refused({"user_id": NAMI_USER, "devices": devices}).field == "devices"


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize(
    "other",
    [
        {"_id": {"$oid": "665f0b7a3e91c44e0a9d6271"}},
        {"_id": "665f0b7a3e91c44e0a9d6271"},
        {"ID": "5"},
        {"_ID": "665f0b7a3e91c44e0a9d6271", "ID": "5"},
        {"userId": "another"},
        {"namiml_user_id": "another"},
        {"CREATED_DATE": ""},
        {"Event-Type": "device.impression"},
    ],
    ids=repr,
)
def test_the_usual_spelling_of_a_field_counts_first_whatever_the_order(
    other: Record,
    turn: bool,  # noqa: FBT001
) -> None:
    record = user_event() | other if turn else other | user_event()

    assert read_event(record) == read_event(user_event())


def test_the_usual_spelling_counts_first_in_upper_case_too() -> None:
    row = {name.upper(): value for name, value in user_event().items()}

    assert read_event({"_ID": "665f", **row}) == read_event(user_event())
    assert read_event({**row, "_ID": "665f"}) == read_event(user_event())


@pytest.mark.parametrize("name", ["external_id", "event_type", "event_platform", "id"])
def test_the_byte_order_mark_of_a_csv_file_is_no_part_of_its_first_column(
    name: str,
) -> None:
    record = user_event(external_id=EXTERNAL_ID)
    marked = {f"\ufeff{name}": record[name]} | without(record, name)

    assert read_event(marked) == read_event(record)


# Times and ids


def test_an_event_without_a_time_is_refused() -> None:
    error = refused(user_event(created_date=None))

    assert (error.reason, error.field) == ("time_missing", "created_date")
    assert error.event_type == "user.subscription.renewed"


def test_a_user_record_needs_no_time_but_a_sane_one() -> None:
    assert read_user(user(updated_at=None)).time is None
    assert read_user(user()).time == 1719792000000
    error = refused(user(updated_at="soon"))
    assert (error.reason, error.field) == ("time_unreadable", "updated_at")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"external_ids": external_ids()}, EXTERNAL_ID),
        ({"external_ids": external_ids()[::-1]}, EXTERNAL_ID),
        ({"external_ids": external_ids(10420077)}, "10420077"),
        ({"external_ids": external_ids()[1]}, EXTERNAL_ID),
        ({"external_ids": external_ids()[:1]}, None),
        ({"external_ids": external_ids(None)}, None),
        ({"external_ids": external_ids("")}, None),
        ({"external_ids": []}, None),
        ({"external_ids": None}, None),
        ({"external_ids": "[]", "external_id": "column"}, "column"),
        ({"external_ids": external_ids(), "external_id": "column"}, EXTERNAL_ID),
        ({"external_ids": external_ids(None), "external_id": 1042}, "1042"),
    ],
    ids=repr,
)
def test_the_external_id_is_the_entry_of_that_key(
    fields: Record, expected: str | None
) -> None:
    record = without(user_event(), "external_ids") | fields

    assert read_event(record).external_id == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"device_id": OTHER_DEVICE, "devices": [device()]}, OTHER_DEVICE),
        ({"devices": [device()]}, DEVICE),
        ({"devices": [device(), device()]}, DEVICE),
        ({"devices": [device(), device(OTHER_DEVICE)]}, None),
        (
            {"device_id": DEVICE, "devices": [device(), device(OTHER_DEVICE)]},
            DEVICE,
        ),
        ({"devices": []}, None),
        ({"devices": None}, None),
        ({"devices": [device("nami_device_id_not_set")]}, None),
        ({"device_id": "nami_device_id_not_set", "devices": [device()]}, DEVICE),
        ({"devices": None, "namiml_device_ids": [DEVICE]}, DEVICE),
        ({"devices": None, "namiml_device_ids": DEVICE}, DEVICE),
    ],
    ids=repr,
)
def test_the_device_is_the_records_own_or_the_only_one(
    fields: Record, expected: str | None
) -> None:
    assert read_event(user_event(**fields)).device_id == expected


@pytest.mark.parametrize(
    ("record", "field", "reason"),
    [
        (user_event(id=True), "id", "not_an_id"),
        (user_event(user_id=1.5), "user_id", "not_an_id"),
        (impression(device_id=[]), "device_id", "not_an_id"),
        (user_event(external_ids=external_ids({})), "external_ids", "not_an_id"),
        (user_event(external_ids="none"), "external_ids", "not_json"),
        (user_event(external_ids=3), "external_ids", "not_an_array"),
        (user_event(devices="x"), "devices", "not_json"),
        (user_event(devices=[device(True)]), "devices", "not_an_id"),  # noqa: FBT003
        (user_event(active_entitlements=1), "active_entitlements", "not_an_array"),
        (
            user_event(customer_journey_state=[]),
            "customer_journey_state",
            "not_an_object",
        ),
        (
            user_event(customer_journey_state={"in_pause": "perhaps"}),
            "in_pause",
            "not_a_boolean",
        ),
        (
            user_event(namiml_in_trial_period="?"),
            "namiml_in_trial_period",
            "not_a_boolean",
        ),
        (user_event(namiml_active_skus="[1"), "namiml_active_skus", "not_json"),
        (
            user_event(namiml_subscription_status=[]),
            "namiml_subscription_status",
            "not_an_id",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_makes_no_sense_is_refused_by_name(
    record: Record, field: str, reason: str
) -> None:
    error = refused(record)

    assert (error.reason, error.field) == (reason, field)
    assert error.event_type == record["event_type"]


# What it says of the user


def test_the_whole_state_is_read() -> None:
    assert read_event(user_event()).state == UserState(
        active_entitlements=["premium"],
        active_skus=["radio_monthly"],
        device_ids=[DEVICE],
        device_platforms=[PLATFORM],
        entitlement_expirations=["2024-06-29T00:57:05Z"],
        purchase_platforms=["apple"],
        **journey(),
    )


def test_a_record_without_state_has_no_state() -> None:
    assert read_event(transaction()).state is NO_STATE


@pytest.mark.parametrize(
    ("entitlements", "entitled", "skus"),
    [
        (None, None, None),
        ([], [], []),
        ("[]", [], []),
        ([entitlement("b", "2"), entitlement("a", "1")], ["b", "a"], ["2", "1"]),
        ([entitlement("a", "1"), entitlement("b", "1")], ["a", "b"], ["1"]),
        ([without(entitlement(), "sku_ref_id")], ["premium"], None),
        ([entitlement() | {"sku_ref_id": None}], ["premium"], None),
        ([{"name": "?"}, entitlement()], ["premium"], ["radio_monthly"]),
        (entitlement(), ["premium"], ["radio_monthly"]),
        ([entitlement(sku=7)], ["premium"], ["7"]),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_arrays_keep_their_order_without_repeats_and_empty_is_not_absent(
    entitlements: object, entitled: list[str] | None, skus: list[str] | None
) -> None:
    state = read_event(user_event(active_entitlements=entitlements)).state

    assert state.active_entitlements == entitled
    assert state.active_skus == skus


@pytest.mark.parametrize(
    ("one", "platforms"),
    [
        (device(), [PLATFORM]),
        ({"id": DEVICE, "app_platform_id": PLATFORM}, [PLATFORM]),
        ({"id": DEVICE, "platform_id": PLATFORM}, [PLATFORM]),
        ({"id": DEVICE, "platform": {"platform_type": "apple"}}, None),
        ({"id": DEVICE}, None),
    ],
    ids=repr,
)
def test_a_devices_platform_is_the_app_platforms_id_and_never_its_type(
    one: object, platforms: list[str] | None
) -> None:
    assert read_event(user_event(devices=[one])).state.device_platforms == platforms


def test_a_device_without_an_id_is_not_a_user_without_devices() -> None:
    state = read_event(user_event(devices=[device("nami_device_id_not_set")])).state

    assert state.device_ids is None


def test_nested_state_wins_over_ready_made_columns() -> None:
    record = user_event(
        namiml_active_skus=["old"],
        namiml_in_trial_period=True,
        namiml_subscription_status="active",
    )
    state = read_event(record).state

    assert state.active_skus == ["radio_monthly"]
    assert state.in_trial_period is False
    assert state.subscription_status == "active"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(["a", "b", "a"], ["a", "b"]), ('["a"]', ["a"]), ("a", ["a"]), ("", []), ([], [])],
    ids=repr,
)
def test_a_ready_made_array_may_be_text(value: object, expected: list[str]) -> None:
    record = without(user_event(), "active_entitlements") | {
        "namiml_active_skus": value
    }

    assert read_event(record).state.active_skus == expected


# What else it says


def test_what_is_left_are_the_properties() -> None:
    assert read_event(user_event(id="1", event_id="2", experiment={"arm": 1})) == (
        read_event(user_event(id="1", event_id="2", EXPERIMENT__ARM=1))
    )
    assert read_event(user_event(event_id="2", mood="🙂")).properties == {
        "event_platform": "apple",
        "event_id": "2",
        "mood": "🙂",
    }


def test_an_event_id_beside_is_the_id_of_an_event_without() -> None:
    event = read_event(without(user_event(event_id="2"), "id"))

    assert event.event_id == "2"
    assert "event_id" not in event.properties


# Whatever comes

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.sampled_from(
        [
            *["user.subscription.renewed", "2024-05-29", "[]", "{}", "[1", '{"id":'],
            *['{"event_type":"device.impression","created_date":1}', "\ud83d", "true"],
            *['[{"key":"external_id","value":7}]', Decimal("NaN"), Decimal("1E+400")],
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3)
            | st.sampled_from(
                ["id", "key", "value", "platform", "in_pause", "event_type", "user_id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
COLUMNS = st.text(max_size=4) | st.sampled_from(
    [
        *["id", "ID", "event_id", "event_type", "EVENT_TYPE", "created_date"],
        *["updated_at", "user_id", "external_id", "external_ids", "device_id"],
        *["devices", "active_entitlements", "customer_journey_state"],
        *["customer_journey_state__in_pause", "payload", "payload__event_type"],
        *["PAYLOAD__ID", "body", "data", "event", "namiml_active_skus"],
        *["namiml_in_pause", "namiml_subscription_status", "_sdc_x", "a__b", "A__B"],
    ]
)
READERS = [
    RecordReader("stream"),
    RecordReader("stream", ["event_type"]),
    RecordReader("stream", event_streams=["*"]),
    RecordReader("stream", user_streams=["*"]),
]


@settings(deadline=None, max_examples=300)
@given(record=st.dictionaries(COLUMNS, ANYTHING, max_size=8).map(normalise))
def test_any_record_is_read_or_refused_and_left_as_it_was(record: Record) -> None:
    before = copy.deepcopy(record)

    for reader in READERS:
        try:
            nami = reader.read(record)
        except UnreadableRecord as error:
            assert error.reason  # noqa: PT017 - either is right
        else:
            assert nami is None or isinstance(nami, NamiEvent | NamiUser)
        assert repr(record) == repr(before)


def test_columns_that_never_come_again_are_forgotten() -> None:
    reader = RecordReader("stream")
    record = impression()

    for number in range(2 * _MOST_PLANNED // len(record)):
        event = reader.read(record | {f"x{number}": 1})
        assert isinstance(event, NamiEvent)
        assert event.properties[f"x{number}"] == 1
    assert sum(map(len, reader._plans)) <= _MOST_PLANNED


@settings(deadline=None, max_examples=300)
@given(
    record=st.dictionaries(COLUMNS, ANYTHING, max_size=8).map(normalise),
    known=st.booleans(),
)
def test_a_plan_reads_records_as_they_are_read_without(
    record: Record, *, known: bool
) -> None:
    record |= {"event_type": "user.x", "created_date": 1} if known else {}
    reader = RecordReader("stream", event_streams=["*"], remembers=False)
    found: list[object] = []
    for read in (reader.read_any, reader.read, reader.read):
        try:
            found.append(repr(read(record)))
        except UnreadableRecord as error:
            found.append(_said_by(error))
    assert found == found[:1] * 3


@pytest.mark.parametrize(
    "record",
    [
        user_event(),
        {name.upper(): value for name, value in user_event().items()},
        user_event(event_id="other"),
        without(user_event(), "id") | {"EVENT_ID": "other"},
        user_event(id=None, event_id="other", note=None),
        user_event(devices=json_text(user_event()["devices"])),
        user_event(_sdc_batched_at="2024", _fivetran_synced="2024"),
        user_event(NAMIML_SUBSCRIPTION_STATUS="paused", namiml_other="x"),
    ],
    ids=str,
)
def test_events_of_plain_columns_are_read_with_a_plan(record: Record) -> None:
    reader = RecordReader("stream")
    assert reader.plan_of(record) is not None
    assert repr(reader.read(record)) == repr(reader.read_any(record))


@pytest.mark.parametrize(
    "more",
    [
        {"ID": "other"},
        {"devices__0__id": "device"},
        {"payload": None},
        {"devices_total": 1},
        {"event_type": None},
    ],
    ids=str,
)
def test_there_is_no_plan_where_more_is_to_be_found_out(more: Record) -> None:
    assert RecordReader("stream").plan_of(user_event() | more) is None


@pytest.mark.parametrize(
    "lists", [{"user_streams": ["stream"]}, {"event_streams": ["other"]}], ids=str
)
def test_there_is_no_plan_for_a_stream_without_events(lists: dict[str, Any]) -> None:
    assert RecordReader("stream", **lists).plan_of(user_event()) is None


ROADS = [
    PipelineHarness(),
    PipelineHarness(
        user_source="nami_user_id",
        extra_user_properties=["*"],
        exclude_properties=["a*"],
        min_id_length=1,
    ),
]
PLAUSIBLE = st.fixed_dictionaries(
    {"event_type": st.just("user.subscription.renewed"), "created_date": st.just(1e9)},
    optional={"user_id": st.text(), "id": st.text(), "device_id": st.text()},
)


@settings(deadline=None, max_examples=300)
@given(
    plausible=PLAUSIBLE.map(normalise),
    record=st.dictionaries(COLUMNS, ANYTHING, max_size=6).map(normalise),
)
def test_any_record_becomes_an_event_or_gets_a_reason(
    plausible: Record, record: Record
) -> None:
    for road in ROADS:
        assert isinstance(road.encode(record | plausible), EncodedEvent | Refusal)
        assert isinstance(road.encode(plausible | record), EncodedEvent | Refusal)


@pytest.mark.parametrize("core", ["1", "NaN", '"\\ud83d"', "null"])
@pytest.mark.parametrize("record", [user_event(), without(user_event(), "id")])
def test_nesting_of_any_depth_is_refused_and_never_a_crash(
    record: Record, core: str
) -> None:
    """All that the input lets through is read; Amplitude has a limit of its own."""
    for depth in (*range(45, MOST_LEVELS - 1, 9), MOST_LEVELS - 1):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            middle = '"x"' if core == "null" and closing == "}" else core
            nested = decode(f'{{"x":{opening * depth}{middle}{closing * depth}}}')
            assert PipelineHarness().result(record | nested) == "too_deep"
            as_text = {"x": json_text(nested["x"])}
            assert PipelineHarness().result(record | as_text) == "too_deep"


def _properties(record: Record) -> dict[str, Any]:
    return read_event(record).properties


def test_text_is_opened_as_deep_as_a_record_may_be() -> None:
    text = "[" * 150 + "1" + "]" * 150
    for _ in range(3):
        text = json_text({"a": text})
    properties = _properties(impression(x=text))

    assert properties["x"]["a"]["a"]["a"] == decode("[" * 150 + "1" + "]" * 150)

    deep = '{"a":' * 100 + "1" + "}" * 100
    for _ in range(2):
        deep = '{"a":' * 90 + json_text(deep) + "}" * 90
    assert refused(impression(x=deep)).reason == "too_deep"


def test_names_of_more_parts_than_an_object_has_levels_are_columns() -> None:
    long = "__".join("abc" * 100)

    assert _properties(impression(**{long: 1}))[long] == 1


def test_reading_leaves_every_known_record_as_it_was() -> None:
    for record in RECORDS.values():
        before = copy.deepcopy(record)
        PipelineHarness().result(record)
        assert repr(record) == repr(before)


@pytest.mark.parametrize(
    ("stream", "lists", "expected"),
    [
        ("events", {"event_streams": ["events"]}, NamiEvent),
        ("staging_events", {"event_streams": ["events"]}, None),
        ("staging_events", {"user_streams": ["users"]}, NamiEvent),
        ("events_eu", {"event_streams": ["events_*"]}, NamiEvent),
    ],
)
def test_where_event_streams_are_named_the_others_hold_none(
    stream: str, lists: dict[str, Any], expected: type[NamiEvent] | None
) -> None:
    found = RecordReader(stream, impression(), **lists).read(impression())
    assert type(found) is (expected or type(None))


@pytest.mark.parametrize(
    ("stream", "lists", "expected"),
    [
        ("users", {"user_streams": ["users"]}, NamiUser),
        ("staging_users", {"user_streams": ["users"]}, None),
        ("staging_users", {"event_streams": ["events"]}, NamiUser),
    ],
)
def test_where_user_streams_are_named_the_others_hold_none(
    stream: str, lists: dict[str, Any], expected: type[NamiUser] | None
) -> None:
    found = RecordReader(stream, user(), **lists).read(user())
    assert type(found) is (expected or type(None))


def test_a_column_that_fits_nowhere_is_noted_on_records_of_nami_alone() -> None:
    noted: list[str] = []
    reader = RecordReader("stream", note_misfit=noted.append)

    assert reader.read({"id": 1, "devices_total": 3}) is None
    assert noted == []
    reader.read(user_event(devices_total=3))
    assert noted == ["devices_total"]
