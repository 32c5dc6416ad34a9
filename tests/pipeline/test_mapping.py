"""What events and `$identify`s hold in Amplitude."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from target_amplitude_nami.amplitude.event import (
    AmplitudeEvent,
    EncodedEvent,
)
from target_amplitude_nami.nami.catalogue import OFFERED
from target_amplitude_nami.nami.model import NamiEvent
from target_amplitude_nami.nami.records import RecordReader
from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.pipeline.identity import Identity
from target_amplitude_nami.pipeline.mapping import EventMapper
from tests.support.pipeline_harness import (
    THE_EIGHT,
    PipelineHarness,
    make_settings,
    user_properties,
)
from tests.support.records import (
    DEVICE,
    EXTERNAL_ID,
    NAMI_USER,
    OTHER_DEVICE,
    OTHER_EVENTS,
    OTHER_PLATFORM,
    PLATFORM,
    USER_EVENTS,
    Record,
    device,
    entitlement,
    external_ids,
    impression,
    transaction,
    user,
    user_event,
    without,
)


def event_properties(record: Record, **config: Any) -> dict[str, Any]:
    found: dict[str, Any] = (
        PipelineHarness(**config).event(record).get("event_properties", {})
    )
    return found


# Events

TRUE_FLAGS = {
    "user.journey.trial.started": {"in_trial_period"},
    "user.journey.trial.converted": set(),
    "user.journey.trial.did_not_convert": {"former_subscriber"},
    "user.subscription.purchased": {"in_intro_offer_period"},
    "user.subscription.renewed": set(),
    "user.subscription.cancelled": {"in_trial_period"},  # and is_cancelled
    "user.subscription.expired": {"former_subscriber"},
    "user.subscription.in_grace_period": {"in_grace_period"},
    "user.subscription.renewal_in_grace_period": set(),
    "user.subscription.paused": set(),  # and in_pause
    "user.subscription.resumed": set(),
}
WITHOUT_ENTITLEMENT = {
    "user.journey.trial.did_not_convert",
    "user.subscription.expired",
    "user.subscription.paused",
}


def test_the_tables_hold_every_type_that_amplitude_is_offered() -> None:
    assert set(TRUE_FLAGS) | {"device.impression", "device.transaction"} == set(OFFERED)
    assert set(OFFERED) <= USER_EVENTS.keys() | OTHER_EVENTS.keys()


@pytest.mark.parametrize("event_type", TRUE_FLAGS)
def test_a_user_event_carries_the_eight_user_properties(event_type: str) -> None:
    event = PipelineHarness().event(USER_EVENTS[event_type])
    properties = event["user_properties"]
    entitled = event_type not in WITHOUT_ENTITLEMENT

    assert event["event_type"] == event_type
    assert properties.keys() == THE_EIGHT
    assert properties["namiml_active_entitlements"] == ["premium"] * entitled
    assert properties["namiml_active_skus"] == ["radio_monthly"] * entitled
    assert properties["namiml_device_ids"] == [DEVICE]
    assert properties["namiml_device_platforms"] == [PLATFORM]
    assert {
        name.removeprefix("namiml_")
        for name, value in properties.items()
        if value is True
    } == TRUE_FLAGS[event_type]


STATE = without(user_event(), *OTHER_EVENTS["device.impression"])


@pytest.mark.parametrize("event_type", OTHER_EVENTS)
def test_no_other_event_carries_them_even_if_the_record_has_state(
    event_type: str,
) -> None:
    record = OTHER_EVENTS[event_type] | STATE | {"namiml_in_trial_period": True}
    event = PipelineHarness(extra_user_properties=["*"]).event(record)

    assert "customer_journey_state" in record
    assert "user_properties" not in event
    assert not THE_EIGHT & event["event_properties"].keys()
    assert not STATE.keys() & event["event_properties"].keys()


@pytest.mark.parametrize("record", [impression(), transaction()])
def test_a_device_event_says_in_its_properties_all_that_it_said(record: Record) -> None:
    envelope = {"id", "event_type", "user_id", "created_date"}
    expected = without(record, *envelope, "device_id", "external_ids")
    sent = PipelineHarness().event(record)["event_properties"]

    assert sent.keys() == expected.keys()
    assert {k: str(v) for k, v in sent.items()} == {
        k: str(v) for k, v in expected.items()
    }


@pytest.mark.parametrize(
    "record", [*USER_EVENTS.values(), *OTHER_EVENTS.values(), user()]
)
def test_nothing_is_claimed_that_only_a_device_could_know(record: Record) -> None:
    assert not {"ip", "session_id", "platform"} & PipelineHarness().event(record).keys()


def test_flags_are_copied_and_never_computed() -> None:
    record = user_event(
        active_entitlements=[],
        customer_journey_state={"former_subscriber": False, "in_trial_period": True},
    )
    properties = user_properties(record)

    assert properties["namiml_former_subscriber"] is False
    assert properties["namiml_in_trial_period"] is True
    assert "namiml_in_grace_period" not in properties
    assert properties["namiml_active_entitlements"] == []


def test_a_user_without_state_gets_no_user_properties() -> None:
    record = without(
        user_event(), "active_entitlements", "customer_journey_state", "devices"
    )

    assert "user_properties" not in PipelineHarness(user_source="nami_user_id").event(
        record
    )


def test_arrays_are_in_the_order_of_the_record_without_repeats() -> None:
    record = user_event(
        active_entitlements=[
            entitlement("b", "2"),
            entitlement("a", "1"),
            entitlement("c", "2"),
        ],
        devices=[
            device(OTHER_DEVICE, OTHER_PLATFORM),
            device(),
            device(NAMI_USER, OTHER_PLATFORM),
        ],
    )
    properties = user_properties(record)

    assert properties["namiml_active_entitlements"] == ["b", "a", "c"]
    assert properties["namiml_active_skus"] == ["2", "1"]
    assert properties["namiml_device_ids"] == [OTHER_DEVICE, DEVICE, NAMI_USER]
    assert properties["namiml_device_platforms"] == [OTHER_PLATFORM, PLATFORM]


# Names


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "user.subscription.renewed"),
        ({"event_prefix": "Nami "}, "Nami user.subscription.renewed"),
        ({"event_names": {"user.subscription.renewed": "Renewed"}}, "Renewed"),
        (
            {
                "event_names": [
                    {"event": "user.subscription.renewed", "name": "Renewed"}
                ],
                "event_prefix": "Nami: ",
            },
            "Nami: Renewed",
        ),
        ({"event_names": {"user.subscription.renewed": ""}}, None),
        (
            {"event_names": {"user.subscription.expired": ""}},
            "user.subscription.renewed",
        ),
    ],
    ids=repr,
)
def test_an_event_has_the_name_that_the_settings_give_it(
    config: dict[str, Any], expected: str | None
) -> None:
    built = PipelineHarness(**config).result(user_event())

    if expected is None:
        assert built == "event_not_chosen"
        return
    event = PipelineHarness(**config).event(user_event())
    assert event["event_type"] == expected
    # A new name does not make a user event anything else.
    assert event["user_properties"].keys() == THE_EIGHT


# Excluded properties


@pytest.mark.parametrize(
    ("patterns", "excluded"),
    [
        ([], []),
        (["locale"], ["locale"]),
        (["campaign*"], ["campaignName", "campaignType"]),
        (["campaign*", "*ï"], ["campaignName", "campaignType", "Ünï"]),
        (["CAMPAIGN*", "loc"], []),
        (["*"], ["locale", "campaignName", "campaignType", "Ünï", "event_platform"]),
    ],
    ids=repr,
)
def test_excluded_properties_are_not_sent(
    patterns: list[str], excluded: list[str]
) -> None:
    more: Record = {
        "locale": "en_US",
        "campaignName": "x",
        "campaignType": "y",
        "Ünï": 1,
    }
    record = user_event(**more)
    left = {"event_platform", *more} - set(excluded)

    assert event_properties(record, exclude_properties=patterns).keys() == left


def test_user_properties_are_never_excluded() -> None:
    sent = user_properties(user_event(), exclude_properties=["*", "namiml_*"])

    assert sent.keys() == THE_EIGHT


# User records


def test_a_user_record_becomes_an_identify_that_sets_the_state() -> None:
    event = PipelineHarness().event(user())

    assert len(event.pop("insert_id")) == 64
    assert event == {
        "event_type": "$identify",
        "user_id": EXTERNAL_ID,
        "device_id": DEVICE,
        "time": 1719792000000,
        "user_properties": {
            "$set": {
                "namiml_active_entitlements": [],
                "namiml_active_skus": [],
                "namiml_device_ids": [DEVICE],
                "namiml_device_platforms": [PLATFORM],
                "namiml_former_subscriber": True,
                "namiml_in_grace_period": False,
                "namiml_in_intro_offer_period": False,
                "namiml_in_trial_period": False,
            }
        },
    }


def test_a_user_record_sets_the_extras_too() -> None:
    properties = user_properties(user(), extra_user_properties=["*"])["$set"]

    assert properties["namiml_is_cancelled"] is True
    assert properties["namiml_user_id"] == NAMI_USER
    assert properties["namiml_subscription_status"] == "former"


def test_a_user_record_without_a_time_is_sent_without_one() -> None:
    assert "time" not in PipelineHarness().event(without(user(), "updated_at"))


def test_a_user_record_without_state_sets_nothing() -> None:
    assert PipelineHarness().result(
        {"user_id": NAMI_USER, "external_ids": external_ids()}
    ) == ("nothing_to_set")


# Revenue

IN_FULL = {"revenue": "transactions"}
REVENUE_FIELDS = {
    "price",
    "quantity",
    "revenue",
    "currency",
    "productId",
    "revenueType",
}


def revenue(record: Record, **config: Any) -> dict[str, Any]:
    """Return what Amplitude reads as revenue."""
    event = PipelineHarness(**IN_FULL | config).event(record)
    return {name: event[name] for name in REVENUE_FIELDS & event.keys()}


def test_a_transaction_becomes_revenue_in_one_field_and_never_three() -> None:
    assert revenue(transaction(quantity="3")) == {
        "revenue": 9.99,
        "currency": "USD",
        "productId": "radio_monthly",
        "revenueType": "Purchase",
    }


def test_money_that_went_back_is_a_refund() -> None:
    sent = revenue(transaction(amount=Decimal("-9.99")))

    assert (sent["revenue"], sent["revenueType"]) == (-9.99, "Refund")


@pytest.mark.parametrize(
    "amount", [Decimal("9.990"), "9.990", Decimal("1234567890.000000000000001")]
)
def test_the_amount_leaves_digit_for_digit(amount: object) -> None:
    encoded = PipelineHarness(**IN_FULL).encode(transaction(amount=amount))

    assert isinstance(encoded, EncodedEvent)
    assert f'"revenue":{amount},'.encode() in encoded.body


def test_a_transaction_with_nothing_else_has_an_amount_alone() -> None:
    bare = transaction(currency=None, locale=None, sku=None)

    assert revenue(bare) == {"revenue": 9.99, "revenueType": "Purchase"}


@pytest.mark.parametrize(
    ("record", "config"),
    [
        (transaction(), {"revenue": "none"}),
        (transaction(amount=0), {}),
        (without(transaction(), "amount"), {}),
        (transaction(purchase_env="sandbox"), {}),
        (without(transaction(app_env="beta_testing"), "purchase_env"), {}),
        (impression(amount=Decimal("9.99")), {}),
        (user_event(amount=Decimal("9.99")), {}),
    ],
    ids=[
        *("switched off", "nothing paid", "no amount", "sandbox", "beta"),
        *("an impression", "a user event"),
    ],
)
def test_nothing_else_is_revenue(record: Record, config: dict[str, Any]) -> None:
    assert revenue(record, **config) == {}


def test_what_the_revenue_was_read_from_stays_with_the_event() -> None:
    with_revenue = event_properties(transaction(), **IN_FULL)

    assert with_revenue == event_properties(transaction())
    assert with_revenue["amount"] == 9.99
    assert with_revenue["quantity"] == "1"


def test_revenue_is_read_before_properties_are_excluded() -> None:
    config = {"exclude_properties": ["amount", "currency", "purchase_env"]}

    assert revenue(transaction(), **config)["revenue"] == 9.99
    assert revenue(transaction(purchase_env="sandbox"), **config) == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount": "9,99"}, "amount_unreadable"),
        ({"currency": "€"}, "currency_unreadable"),
        ({"sku": {"id": "a"}}, "not_an_id"),
    ],
)
def test_revenue_that_makes_no_sense_is_a_reject_but_only_where_it_counts(
    change: Record, reason: str
) -> None:
    record = transaction(**change)

    assert PipelineHarness(**IN_FULL).result(record) == reason
    assert "revenue" not in PipelineHarness().event(record)


# What shields the table of users

SHIELD = "$skip_user_properties_sync"


@pytest.mark.parametrize("record", [user_event(), impression(), transaction()])
def test_a_backfill_shields_the_user_from_every_event(record: Record) -> None:
    assert PipelineHarness(backfill=True).event(record)[SHIELD] is True
    assert SHIELD not in PipelineHarness().event(record)


def test_a_backfill_takes_user_records_as_they_are() -> None:
    assert PipelineHarness(backfill=True).event(user()) == PipelineHarness().event(
        user()
    )


def mapped(
    record: Record, state: UserState | None = None, **more: Any
) -> AmplitudeEvent:
    nami = RecordReader("events").read(record)
    assert isinstance(nami, NamiEvent)
    mapper = EventMapper(make_settings().mapping)
    identity = Identity(EXTERNAL_ID, None)
    return mapper.map_event(nami, identity, state or nami.state, **more)


def test_a_stale_event_shields_the_user_and_is_otherwise_the_same() -> None:
    shielded = mapped(user_event(), is_stale=True)

    assert shielded.skip_user_properties_sync
    assert mapped(user_event()) == msgspec.structs.replace(
        shielded, skip_user_properties_sync=False
    )


KNOWN = UserState(active_entitlements=["premium"], in_trial_period=True)
STATELESS = without(user_event(), "devices", *STATE)


def test_a_user_event_without_state_is_given_what_is_known() -> None:
    event = mapped(STATELESS, KNOWN)

    assert event.user_properties == {
        "namiml_active_entitlements": ["premium"],
        "namiml_in_trial_period": True,
    }


@pytest.mark.parametrize("record", [impression(), transaction()])
def test_no_other_event_is_given_any_state(record: Record) -> None:
    assert mapped(record, KNOWN) == mapped(record)


def test_what_is_known_of_a_user_does_not_change_an_events_insert_id() -> None:
    record = without(STATELESS, "id")

    assert mapped(record, KNOWN).insert_id == mapped(record).insert_id


# Purity


def test_mapping_changes_nothing_that_it_was_given() -> None:
    settings = make_settings(exclude_properties=["event_*"])
    record = RecordReader("events").read(user_event())
    assert isinstance(record, NamiEvent)
    before = msgspec.json.encode(record)

    EventMapper(settings.mapping).map_event(
        record, Identity("user-1", None), record.state
    )

    assert msgspec.json.encode(record) == before


def test_an_encoded_event_names_its_user_and_device() -> None:
    encoded = PipelineHarness().encode(user_event())

    assert isinstance(encoded, EncodedEvent)
    assert (encoded.user_id, encoded.device_id) == (EXTERNAL_ID, DEVICE)
