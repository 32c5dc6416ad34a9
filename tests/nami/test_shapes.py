"""One record gives one event, whatever its shape."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from singer_sdk.mapper import PluginMapper

from target_amplitude_nami.normalising import normalise
from tests.support.pipeline_harness import PipelineHarness
from tests.support.records import (
    DEVICE,
    EXTERNAL_ID,
    NAMI_USER,
    PLATFORM,
    RECORDS,
    Record,
    user_event,
)
from tests.support.shapes import FORMS, SHAPES, flattened

SHAPES_OF_COLUMNS: Final = (
    "JSON text in columns",
    "UPPER CASE A__B columns with metadata",
    "text in body",
    "typed row in document",
)

RENEWED: Final = {
    "event_type": "user.subscription.renewed",
    "insert_id": "5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b1001",
    "user_id": EXTERNAL_ID,
    "device_id": DEVICE,
    "time": 1716944231227,
    "event_properties": {"event_platform": "apple"},
    "user_properties": {
        "namiml_active_entitlements": ["premium"],
        "namiml_active_skus": ["radio_monthly"],
        "namiml_device_ids": [DEVICE],
        "namiml_device_platforms": [PLATFORM],
        "namiml_former_subscriber": False,
        "namiml_in_grace_period": False,
        "namiml_in_intro_offer_period": False,
        "namiml_in_trial_period": False,
    },
}
"""What Nami's documented `user.subscription.renewed` becomes."""


def results(shape: str, form: str = "as they came") -> dict[str, bytes | str]:
    """Send all records through one reader, as one stream has one shape."""
    road = PipelineHarness()
    return {
        name: road.result(SHAPES[shape](FORMS[form](record)))
        for name, record in RECORDS.items()
    }


NESTED: Final = results("nested")
SHAPES_AND_FORMS: Final = [
    (shape, form)
    for shape in SHAPES
    for form in FORMS
    if form == "as they came" or shape in SHAPES_OF_COLUMNS
]
"""Every shape, and every form of single values in those that treat values apart."""


def test_the_records_are_many_and_differ() -> None:
    events = {result for result in NESTED.values() if isinstance(result, bytes)}
    reasons = {result for result in NESTED.values() if isinstance(result, str)}

    assert len(events) >= 50
    assert reasons == {
        "anonymous_user",
        "number_not_finite",
        "time_missing",
        "time_out_of_range",
        "user_id_forbidden",
        "user_id_too_short",
    }


@pytest.mark.parametrize(("shape", "form"), SHAPES_AND_FORMS)
def test_every_shape_of_a_record_gives_the_same_bytes(shape: str, form: str) -> None:
    assert results(shape, form) == NESTED


@pytest.mark.parametrize(("shape", "form"), SHAPES_AND_FORMS)
def test_a_renewal_arrives_with_exactly_its_fields(shape: str, form: str) -> None:
    record = SHAPES[shape](FORMS[form](user_event()))

    assert PipelineHarness().event(record) == RENEWED


def sdk_flattened(record: Record, depth: int, schema: dict[str, Any]) -> Record:
    config: dict[str, Any] = {
        "flattening_enabled": True,
        "flattening_max_depth": depth,
    }
    mapper = PluginMapper(
        plugin_config=config,
        logger=logging.getLogger(__name__),
    )
    mapper.register_raw_stream_schema("events", schema, ["id"])
    flat = mapper.stream_maps["events"][0].transform(record)
    assert flat is not None
    return flat


OBJECT: Final[dict[str, Any]] = {"type": ["object", "null"]}
DECLARED: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "customer_journey_state": OBJECT
        | {"properties": {"in_pause": {"type": ["boolean", "null"]}}},
        "devices": {"type": ["array", "null"], "items": OBJECT},
        "experiment": OBJECT,
    },
}


@pytest.mark.parametrize("depth", [0, 1, 2, 5])
@pytest.mark.parametrize("schema", [{"properties": {}}, DECLARED])
def test_what_the_sdk_flattens_gives_the_same_bytes(
    schema: dict[str, Any], depth: int
) -> None:
    road = PipelineHarness()
    # The SDK writes such a number as null where it makes JSON text of an array.
    lost = "a number that is none, deep down"

    flat = {
        name: road.result(sdk_flattened(record, depth, schema))
        for name, record in RECORDS.items()
        if name != lost
    }

    assert flat == {name: NESTED[name] for name in flat}
    assert flat.keys() == NESTED.keys() - {lost}


def test_the_sdk_really_flattens() -> None:
    flat = sdk_flattened(user_event(), 2, {"properties": {}})

    assert flat["customer_journey_state__in_pause"] is False
    assert json.loads(flat["devices"])[0]["id"] == DEVICE


def test_the_row_of_a_warehouse_is_read() -> None:
    row = {
        "ID": "5f0b7a3e-91c4-4e0a-9d62-7c1f0a9b1001",
        "EVENT_TYPE": "user.subscription.renewed",
        "EVENT_PLATFORM": "apple",
        "USER_ID": NAMI_USER,
        "CREATED_DATE": "2024-05-29 00:57:11.227760",
        "ACTIVE_ENTITLEMENTS": '[{"entitlement_ref_id":"premium","sku_ref_id":'
        '"radio_monthly"}]',
        "CUSTOMER_JOURNEY_STATE__FORMER_SUBSCRIBER": False,
        "CUSTOMER_JOURNEY_STATE__IN_TRIAL_PERIOD": "false",
        "CUSTOMER_JOURNEY_STATE__IN_GRACE_PERIOD": 0,
        "CUSTOMER_JOURNEY_STATE__IN_INTRO_OFFER_PERIOD": "f",
        "DEVICES": f'[{{"id":"{DEVICE}","platform":{{"id":"{PLATFORM}"}}}}]',
        "EXTERNAL_IDS": f'[{{"key":"external_id","value":"{EXTERNAL_ID}"}}]',
        "_SDC_EXTRACTED_AT": "2024-05-29T01:00:00Z",
    }

    assert PipelineHarness().event(row) == RENEWED


# What columns can carry: a name in lower case without "__" or an underscore at either
# end, as UPPER CASE and flattened columns do not tell others apart; and none of the
# names that the reader understands, nor of those that Nami's SDKs write in camel case.
TAKEN = {
    "id", "eventid", "eventtype", "createddate", "updatedat", "userid", "externalid",
    "externalids", "deviceid", "devices", "activeentitlements", "namiuserid",
    "customerjourneystate", "payload", "body", "data", "event",
    "campaignid", "campaignname", "campaigntype", "campaignlabel", "campaignurl",
    "paywallid", "paywallname", "segmentid", "externalsegmentid", "deeplinkurl",
    "timespentonpaywall", "skuid", "source", "receivedat",
}  # fmt: skip
NAMES = st.from_regex(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", fullmatch=True).filter(
    lambda name: name.replace("_", "") not in TAKEN and not name.startswith("namiml_")
)
TEXTS = st.text(
    st.characters(codec=None, exclude_categories=())  # with halves of emojis
) | st.sampled_from(["[1,2]", '{"a":{"b":null}}', "{}", "[", "null", "1E+2", "\ud83d"])
# Numbers with a fraction are what the reader makes of JSON text.
NUMBERS = st.integers() | st.floats().map(lambda number: Decimal(repr(number)))
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(leftovers=st.dictionaries(NAMES, VALUES, max_size=4))
def test_whatever_else_a_record_says_comes_out_the_same_in_every_shape(
    leftovers: Record,
) -> None:
    record = leftovers | user_event()

    shaped = {
        name: PipelineHarness().result(normalise(shape(record)))
        for name, shape in SHAPES.items()
    }

    assert len(set(shaped.values())) == 1, shaped


def test_parts_of_one_object_in_several_columns_come_together() -> None:
    record = {
        name: value
        for name, value in flattened(user_event()).items()
        if not name.startswith("customer_journey_state__in_t")
    } | {"customer_journey_state": '{"in_trial_period": false}'}
    turned = dict(reversed(record.items()))

    assert PipelineHarness().event(record) == RENEWED
    assert PipelineHarness().event(turned) == RENEWED


def test_a_payload_of_a_record_that_is_an_event_itself_is_a_property() -> None:
    record = user_event(data={"colour": "red"}, body="[free text", payload="{}")

    assert PipelineHarness().event(record)["event_properties"] == {
        "event_platform": "apple",
        "data": {"colour": "red"},
        "body": "[free text",
    }
