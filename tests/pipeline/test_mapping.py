"""What becomes of Nami's records in Amplitude: whom they name and what they say."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from target_amplitude_nami.amplitude.event import (
    AmplitudeEvent,
    EncodedEvent,
    target_of,
)
from target_amplitude_nami.nami.catalogue import OFFERED
from target_amplitude_nami.nami.records import NamiEvent, NamiUser, RecordReader
from target_amplitude_nami.nami.state import UserState
from target_amplitude_nami.pipeline.mapping import (
    Identity,
    Unnamed,
    event_of,
    identify,
    subscription_status,
)
from target_amplitude_nami.settings.declared import EXTRA_USER_PROPERTIES
from tests.support.records import (
    ALL_ZERO,
    DEVICE,
    EXTERNAL_ID,
    FLAGS,
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
    journey,
    purchase,
    transaction,
    user,
    user_event,
    without,
)
from tests.support.road import Road, make_settings

THE_EIGHT = {
    "namiml_active_entitlements",
    "namiml_active_skus",
    "namiml_device_ids",
    "namiml_device_platforms",
    "namiml_former_subscriber",
    "namiml_in_grace_period",
    "namiml_in_trial_period",
    "namiml_in_intro_offer_period",
}


def user_properties(record: Record, **config: Any) -> dict[str, Any]:
    found: dict[str, Any] = Road(**config).event(record).get("user_properties", {})
    return found


def event_properties(record: Record, **config: Any) -> dict[str, Any]:
    found: dict[str, Any] = Road(**config).event(record).get("event_properties", {})
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
    event = Road().event(USER_EVENTS[event_type])
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
    event = Road(extra_user_properties=["*"]).event(record)

    assert "customer_journey_state" in record
    assert "user_properties" not in event
    assert not THE_EIGHT & event["event_properties"].keys()
    assert not STATE.keys() & event["event_properties"].keys()


@pytest.mark.parametrize("record", [impression(), transaction()])
def test_a_device_event_says_in_its_properties_all_that_it_said(record: Record) -> None:
    envelope = {"id", "event_type", "user_id", "created_date"}
    expected = without(record, *envelope, "device_id", "external_ids")
    sent = Road().event(record)["event_properties"]

    assert sent.keys() == expected.keys()
    assert {k: str(v) for k, v in sent.items()} == {
        k: str(v) for k, v in expected.items()
    }


@pytest.mark.parametrize(
    "record", [*USER_EVENTS.values(), *OTHER_EVENTS.values(), user()]
)
def test_nothing_is_claimed_that_only_a_device_could_know(record: Record) -> None:
    assert not {"ip", "session_id", "platform"} & Road().event(record).keys()


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

    assert "user_properties" not in Road(user_source="nami_user_id").event(record)


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
    settings = make_settings(**config)
    record = RecordReader("events").read(user_event())
    assert isinstance(record, NamiEvent)
    name = dict(settings.sent_names).get(record.event_type)

    assert name == expected
    if name is not None:
        identity = Identity("user-1", None)
        event = event_of(record, name, identity, settings, record.state)
        assert event.event_type == expected
        # A new name does not make a user event anything else.
        assert event.user_properties.keys() == THE_EIGHT


# Extra user properties

EXTRAS = {
    "namiml_user_id": NAMI_USER,
    "namiml_in_account_hold": False,
    "namiml_in_pause": False,
    "namiml_is_cancelled": False,
    "namiml_subscription_status": "active",
    "namiml_entitlement_expirations": ["2024-06-29T00:57:05Z"],
    "namiml_purchase_platforms": ["apple"],
}


@pytest.mark.parametrize("name", EXTRA_USER_PROPERTIES)
def test_an_extra_user_property_is_sent_only_on_demand(name: str) -> None:
    sent = user_properties(user_event(), extra_user_properties=[name])

    assert sent.keys() == THE_EIGHT | {name}
    assert sent[name] == EXTRAS[name]


def test_the_times_of_entitlements_have_one_spelling_each_once() -> None:
    times = [
        "2024-06-29T00:57:05Z",
        "2024-06-29 02:57:05.000 +02:00",
        "2024-07-29T00:57:05.250000+00:00",
        "1722214625",
        "lifetime",
    ]
    record = user_event(
        active_entitlements=[entitlement() | {"expiration": time} for time in times]
    )
    sent = user_properties(
        record, extra_user_properties=["namiml_entitlement_expirations"]
    )

    assert sent["namiml_entitlement_expirations"] == [
        "2024-06-29T00:57:05Z",
        "2024-07-29T00:57:05.25Z",
        "2024-07-29T00:57:05Z",
        "lifetime",
    ]


def test_a_star_stands_for_all_extra_user_properties() -> None:
    sent = user_properties(user_event(), extra_user_properties=["*"])

    assert EXTRAS.keys() == set(EXTRA_USER_PROPERTIES)
    assert EXTRAS.items() <= sent.items()
    assert sent.keys() == THE_EIGHT | EXTRAS.keys()


def test_an_extra_that_the_record_does_not_tell_is_absent() -> None:
    record = without(user_event(user_id=None), "active_entitlements", "devices")
    record["customer_journey_state"] = {"former_subscriber": False}

    assert user_properties(record, extra_user_properties=["*"]) == {
        "namiml_former_subscriber": False
    }


@pytest.mark.parametrize(
    ("expected", "entitlements", "flags"),
    [
        ("account_hold", ["premium"], set(FLAGS)),
        ("account_hold", [], {"in_account_hold", "former_subscriber"}),
        ("paused", ["premium"], set(FLAGS) - {"in_account_hold"}),
        ("paused", [], {"in_pause"}),
        ("grace", ["premium"], {"in_grace_period", "is_cancelled", "in_trial_period"}),
        ("cancelled", ["premium"], {"is_cancelled", "in_trial_period"}),
        ("cancelled", None, {"is_cancelled"}),
        ("former", [], {"is_cancelled", "former_subscriber"}),
        ("never", [], {"is_cancelled"}),
        ("trial", ["premium"], {"in_trial_period", "in_intro_offer_period"}),
        ("intro", ["premium"], {"in_intro_offer_period"}),
        ("active", ["premium"], set()),
        ("active", ["premium"], {"former_subscriber"}),
        ("former", [], {"former_subscriber"}),
        ("former", None, {"former_subscriber"}),
        ("never", [], set()),
        (None, None, set()),
    ],
)
def test_the_subscription_status_is_the_most_pressing_of_what_is_told(
    expected: str | None,
    entitlements: list[str] | None,
    flags: set[str],
) -> None:
    state = UserState(active_entitlements=entitlements, **journey(*flags))

    assert subscription_status(state) == expected


def test_a_status_is_not_guessed_from_what_is_not_told() -> None:
    assert subscription_status(UserState()) is None
    assert subscription_status(UserState(active_entitlements=[])) is None
    assert subscription_status(UserState(active_entitlements=["a"])) == "active"


def test_a_ready_made_status_is_taken_as_it_is() -> None:
    state = UserState(subscription_status="lapsed", active_entitlements=["premium"])

    assert subscription_status(state) == "lapsed"


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


# Insert ids


def insert_id(record: Record, **config: Any) -> str:
    found = Road(**config).event(record)["insert_id"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("5f0b7a3e-91c4", "5f0b7a3e-91c4"),
        (7000000001, "7000000001"),
        ("x" * 255, "x" * 255),
    ],
    ids=["text", "number", "long"],
)
def test_the_insert_id_is_namis_event_id(event_id: object, expected: str) -> None:
    assert insert_id(user_event(id=event_id)) == expected


@pytest.mark.parametrize("event_id", [None, "", ALL_ZERO, "x" * 256])
def test_without_a_usable_id_it_is_a_hash_of_the_record(event_id: object) -> None:
    found = insert_id(user_event(id=event_id))

    assert len(found) == 64
    assert found == insert_id(user_event(id=event_id))
    assert found != event_id


@pytest.mark.parametrize(
    "change",
    [
        {"event_type": "user.subscription.expired"},
        {"created_date": "2024-05-29T00:57:11.228Z"},
        {"user_id": "b1f6c0de-0000-4c55-8e77-0d9a4f3c2b11"},
        {"event_platform": "google"},
        {"active_entitlements": []},
        {"mood": None, "more": [None]},
        {"external_ids": []},
    ],
    ids=repr,
)
def test_two_events_that_differ_have_different_hashes(change: Record) -> None:
    assert insert_id(user_event(id=None)) != insert_id(user_event(id=None) | change)


def test_the_hash_does_not_depend_on_the_settings_that_name_users() -> None:
    other = {"extra_user_properties": ["*"], "user_source": "nami_user_id"}

    assert insert_id(user_event(id=None)) == insert_id(user_event(id=None), **other)


def test_what_is_excluded_is_no_part_of_the_hash() -> None:
    loaded, again = (user_event(id=None, loaded_at=day) for day in ("Mon", "Tue"))
    settings = {"exclude_properties": ["loaded_*"]}

    assert insert_id(loaded) != insert_id(again)
    assert insert_id(loaded, **settings) == insert_id(again, **settings)
    assert insert_id(loaded, **settings) == insert_id(user_event(id=None))


@pytest.mark.parametrize(
    "column",
    [
        *["_sdc_batched_at", "_SDC_SEQUENCE", "_fivetran_synced", "_airbyte_meta"],
        *["_ab_cdc_lsn", "_dlt_load_id", "_dlt_id", "__deleted"],
    ],
)
def test_columns_of_loaders_are_no_part_of_an_event(column: str) -> None:
    assert Road().result(user_event(id=None) | {column: "x"}) == Road().result(
        user_event(id=None)
    )


# User records


def test_a_user_record_becomes_an_identify_that_sets_the_state() -> None:
    event = Road().event(user())

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


def test_one_update_to_two_amplitude_users_has_two_insert_ids() -> None:
    assert insert_id(user()) != insert_id(user(), user_source="nami_user_id")


def test_a_user_record_sets_the_extras_too() -> None:
    told = user_properties(user(), extra_user_properties=["*"])["$set"]

    assert told["namiml_is_cancelled"] is True
    assert told["namiml_user_id"] == NAMI_USER
    assert told["namiml_subscription_status"] == "former"


def test_a_user_record_without_a_time_is_sent_without_one() -> None:
    assert "time" not in Road().event(without(user(), "updated_at"))


def test_a_user_record_without_state_sets_nothing() -> None:
    assert Road().result({"user_id": NAMI_USER, "external_ids": external_ids()}) == (
        "nothing_to_set"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"updated_at": "2024-07-02"},
        {"active_entitlements": [entitlement()]},
        {"customer_journey_state": journey("former_subscriber")},
        {"external_ids": []},
    ],
    ids=repr,
)
def test_two_updates_that_set_different_things_have_different_insert_ids(
    change: Record,
) -> None:
    config = {"extra_user_properties": ["namiml_is_cancelled"]}

    assert insert_id(user(), **config) == insert_id(user(), **config)
    assert insert_id(user(), **config) != insert_id(user() | change, **config)


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
    event = Road(**IN_FULL | config).event(record)
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
    encoded = Road(**IN_FULL).encode(transaction(amount=amount))

    assert isinstance(encoded, EncodedEvent)
    assert f'"revenue":{amount},'.encode() in encoded.body


def test_a_transaction_that_tells_of_nothing_else_has_an_amount_alone() -> None:
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

    assert Road(**IN_FULL).result(record) == reason
    assert "revenue" not in Road().event(record)


# What shields the table of users

SHIELD = "$skip_user_properties_sync"


@pytest.mark.parametrize("record", [user_event(), impression(), transaction()])
def test_a_backfill_shields_the_user_from_every_event(record: Record) -> None:
    assert Road(backfill=True).event(record)[SHIELD] is True
    assert SHIELD not in Road().event(record)


def test_a_backfill_takes_user_records_as_they_are() -> None:
    assert Road(backfill=True).event(user()) == Road().event(user())


def mapped(
    record: Record, state: UserState | None = None, **more: Any
) -> AmplitudeEvent:
    nami = RecordReader("events").read(record)
    assert isinstance(nami, NamiEvent)
    identity, settings = Identity(EXTERNAL_ID, None), make_settings()
    return event_of(nami, "name", identity, settings, state or nami.state, **more)


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


# Whom they name


def named(
    record: Record, known: str | None = None, **config: Any
) -> Identity | tuple[str, str]:
    nami = RecordReader("stream").read(record)
    assert isinstance(nami, NamiEvent | NamiUser)
    found = identify(nami, known, make_settings(**config))
    if isinstance(found, Unnamed):
        assert found.detail
        return found.reason, found.fate
    return found


ANONYMOUS = user_event(external_ids=external_ids()[:1])
TWO_DEVICES: Record = {"devices": [device(), device(OTHER_DEVICE)]}


@pytest.mark.parametrize("make", [user_event, user, impression])
def test_an_external_id_names_the_user_and_the_device_goes_with_it(make: Any) -> None:
    assert named(make()) == Identity(EXTERNAL_ID, DEVICE)


def test_with_nami_user_id_the_external_id_is_not_asked() -> None:
    config = {"user_source": "nami_user_id"}

    assert named(user_event(), "known", **config) == Identity(NAMI_USER, DEVICE)
    assert named(ANONYMOUS, **config) == Identity(NAMI_USER, DEVICE)
    assert named(impression(user_id=None), **config) == Identity(None, DEVICE)
    assert named(impression(user_id=None, device_id=None), **config) == (
        "no_ids",
        "rejected",
    )


def test_what_earlier_records_brought_names_a_record_without_external_id() -> None:
    assert named(ANONYMOUS, "learnt") == Identity("learnt", DEVICE)
    assert named(user_event(), "learnt") == Identity(EXTERNAL_ID, DEVICE)
    for policy in ("device", "nami_user_id", "skip", "reject"):
        assert named(ANONYMOUS, "learnt", anonymous_users=policy) == Identity(
            "learnt", DEVICE
        )


def test_several_devices_name_none() -> None:
    assert named(user_event(**TWO_DEVICES)) == Identity(EXTERNAL_ID, None)
    assert named(purchase()) == Identity(EXTERNAL_ID, None)


REJECTED = ("anonymous_user", "rejected")
FILTERED = ("anonymous_user", "filtered")
HELD = ("anonymous_user", "held")


@pytest.mark.parametrize(
    ("policy", "record", "expected"),
    [
        ("device", ANONYMOUS, Identity(None, DEVICE)),
        ("device", ANONYMOUS | TWO_DEVICES, REJECTED),
        ("device", ANONYMOUS | {"devices": []}, REJECTED),
        ("nami_user_id", ANONYMOUS, Identity(NAMI_USER, DEVICE)),
        ("nami_user_id", ANONYMOUS | TWO_DEVICES, Identity(NAMI_USER, None)),
        ("nami_user_id", ANONYMOUS | {"user_id": None}, REJECTED),
        ("skip", ANONYMOUS, FILTERED),
        ("reject", ANONYMOUS, REJECTED),
        ("device", user(external_ids=[]), Identity(None, DEVICE)),
        ("skip", user(external_ids=[]), FILTERED),
        ("hold", ANONYMOUS, HELD),
        ("hold", user(external_ids=[]), HELD),
        ("hold", ANONYMOUS | {"user_id": None}, REJECTED),
    ],
)
def test_anonymous_users_are_treated_as_the_settings_say(
    policy: str, record: Record, expected: Identity | tuple[str, str]
) -> None:
    config = {"anonymous_users": policy, "memory_path": "memory.db"}

    assert named(record, **config) == expected


@pytest.mark.parametrize(
    ("policy", "record", "missing"),
    [
        ("device", ANONYMOUS | TWO_DEVICES, "no single device"),
        ("hold", ANONYMOUS | {"user_id": None}, "without which it cannot wait"),
        ("nami_user_id", ANONYMOUS | {"user_id": None}, "no Nami user id"),
        ("reject", ANONYMOUS, "`anonymous_users`"),
    ],
)
def test_a_reject_of_an_anonymous_user_says_what_else_is_missing(
    policy: str, record: Record, missing: str
) -> None:
    settings = make_settings(anonymous_users=policy, memory_path="memory.db")
    event = RecordReader("stream").read(record)
    assert isinstance(event, NamiEvent)
    found = identify(event, None, settings)

    assert isinstance(found, Unnamed)
    assert missing in found.detail


@pytest.mark.parametrize(
    ("identity", "target"),
    [
        (Identity("user", "device"), "user"),
        (Identity("user", None), "user"),
        (Identity(None, "device"), target_of(None, "device")),
    ],
)
def test_properties_are_those_of_the_user_and_without_one_of_the_device(
    identity: Identity, target: str
) -> None:
    assert identity.target == target


# Purity


def test_mapping_changes_nothing_that_it_was_given() -> None:
    settings = make_settings(exclude_properties=["event_*"])
    record = RecordReader("events").read(user_event())
    assert isinstance(record, NamiEvent)
    before = msgspec.json.encode(record)

    event_of(record, "name", Identity("user-1", None), settings, record.state)

    assert msgspec.json.encode(record) == before


def test_the_users_and_devices_of_the_bytes_are_told_beside_them() -> None:
    encoded = Road().encode(user_event())

    assert isinstance(encoded, EncodedEvent)
    assert (encoded.user_id, encoded.device_id) == (EXTERNAL_ID, DEVICE)
