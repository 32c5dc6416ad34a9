"""The properties that Nami documents have one form, whatever form they came in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import simplejson
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami import jsontext
from target_amplitude_nami.amplitude.event import encode
from target_amplitude_nami.nami.event_properties import (
    documented_among,
    normalised,
    read_properties,
)
from target_amplitude_nami.nami.plain_values import plain_members
from tests.support.records import OTHER_EVENTS, USER_EVENTS, Record, without

EVENTS = USER_EVENTS | OTHER_EVENTS
ENVELOPE = ("id", "event_type", "created_date", "user_id", "device_id")
CONTAINERS = (
    "active_entitlements",
    "customer_journey_state",
    "devices",
    "external_id",
    "external_ids",
)


def properties_of(event_type: str, **changes: Any) -> Record:
    """Return what is left of a record for its event's properties."""
    record = without(EVENTS[event_type], *ENVELOPE, *CONTAINERS) | changes
    return {name: value for name, value in record.items() if value is not None}


def csv_row(properties: Record) -> Record:
    """Write all values as the cells of a CSV file are: text, arrays as JSON text."""
    return {
        name: value if isinstance(value, str) else simplejson.dumps(value)
        for name, value in properties.items()
    }


def arrays_read(row: Record) -> Record:
    """Read JSON text of objects and arrays, as the reader of records does."""
    return {
        name: jsontext.decode(value)
        if isinstance(value, str) and value[:1] in {"[", "{"}
        else value
        for name, value in row.items()
    }


def one(name: str, value: object) -> Any:
    """Return what one property becomes; an empty text where it falls away."""
    return normalised({name: value}).get(name, "")


# The same in every shape


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_row_of_csv_gives_the_bytes_of_the_json_record(event_type: str) -> None:
    nami = properties_of(event_type)
    row = arrays_read(csv_row(nami))

    assert encode(normalised(row)) == encode(normalised(nami)) == encode(nami)


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_row_of_padded_columns_gives_the_bytes_of_the_json_record(
    event_type: str,
) -> None:
    nami = properties_of(event_type)
    row = {
        name: f"{value:<64}\r" if isinstance(value, str) else value
        for name, value in nami.items()
    }

    assert encode(normalised(row)) == encode(nami)


@pytest.mark.parametrize("event_type", EVENTS)
def test_a_record_as_nami_sends_it_is_left_alone(event_type: str) -> None:
    nami = properties_of(event_type)

    assert normalised(nami) is nami


def test_a_row_of_a_data_frame_gives_the_bytes_of_the_json_record() -> None:
    nami = properties_of("device.transaction")
    row = nami | {
        "subscription_interval_count": 1.0,
        "quantity": 1.0,
        "original_transaction_id": 1000000512345678,
        "transaction_id": Decimal("1000000599999999.0"),
        "amount": 9.99,
        "purchase_date": 1716943898000,
    }

    assert encode(normalised(row)) == encode(nami)


@pytest.mark.parametrize(
    "name", ["purchase_date", "purchaseDate", "PURCHASE_DATE", "PURCHASEDATE"]
)
def test_a_property_is_known_in_any_spelling_and_keeps_it(name: str) -> None:
    found = normalised({name: "2024-05-29 00:51:38 UTC"})

    assert found == {name: "2024-05-29T00:51:38Z"}


def test_what_is_given_stays_as_it_was() -> None:
    row = {"amount": "9.99", "currency": "", "note": ""}

    assert normalised(row) == {"amount": Decimal("9.99"), "note": ""}
    assert row == {"amount": "9.99", "currency": "", "note": ""}


# Text

DOCUMENTED = [
    *("event_platform", "app_env", "app_platform_id", "name", "developer_paywall_id"),
    *("controller_name", "cta_type", "initiator", "segment", "session", "launch_id"),
    *("call_to_action", "url_params", "namiml_event_category", "campaignId"),
    *("campaignName", "campaignType", "campaignLabel", "campaignUrl", "paywallId"),
    *("paywallName", "segmentId", "externalSegmentId", "deeplinkUrl"),
    *("timeSpentOnPaywall", "locale", "impression_id", "impression", "source"),
    *("original_transaction_id", "purchase_env", "subscription_interval", "skuId"),
    *("subscription_interval_count", "subcription_interval_count", "transaction_id"),
    *("sku", "sku_ref_id", "amount", "quantity", "currency", "localized_description"),
    *("purchase_date", "original_purchase_date", "start_time", "end_time"),
    *("billing_cycles", "canceled_at", "current_term_length", "devices_with_access"),
    *("entitlements", "expires_at", "is_active", "is_auto_renewable", "collapse_key"),
    "is_free_trial_conversion",
]


@pytest.mark.parametrize("blank", ["", "   ", "\t\r\n"], ids=repr)
def test_blank_text_is_nothing_in_each_property_that_nami_documents(blank: str) -> None:
    found = normalised(dict.fromkeys(DOCUMENTED, blank) | {"note": blank})

    assert found == {"note": blank}


def test_text_is_trimmed_in_the_documented_properties_alone() -> None:
    found = normalised({"currency": "USD  ", "name": "\tSummer sale\r", "note": " x "})

    assert found == {"currency": "USD", "name": "Summer sale", "note": " x "}


@pytest.mark.parametrize("value", [None, 5, True, {"a": ""}, ["", " "], {}], ids=repr)
def test_what_is_no_text_stays_in_a_property_of_text(value: object) -> None:
    row = {"name": value, "source": "unknown"}

    assert normalised(row) is row


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", "1"),
        (" 1 ", "1"),
        ("1.0", "1.0"),
        ("two", "two"),
        (1, "1"),
        (1.0, "1"),
        (Decimal("1.0"), "1"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1.5"), Decimal("1.5")),
        (10**50, 10**50),
        (True, True),
        (["1"], ["1"]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", ["quantity", "transaction_id", "sku", "skuRefId"])
def test_a_whole_number_is_text_where_nami_has_text(
    name: str, value: object, expected: object
) -> None:
    found = one(name, value)

    assert found == expected
    assert type(found) is type(expected)


# Numbers


@pytest.mark.parametrize(
    "number",
    [
        *("9.99", "9.990", "10", "-9.99", "0", "-0", "0.1000000000000000055511151231"),
        *("1e3", "12345678901234567890.12", "1E-7", "100000000000000000000000"),
    ],
)
@pytest.mark.parametrize("name", ["amount", "timeSpentOnPaywall"])
def test_a_number_in_text_gives_the_bytes_of_the_number_in_json(
    name: str, number: str
) -> None:
    written = encode(normalised({name: f" {number} "}))

    assert written == encode(normalised({name: jsontext.decode(number)}))
    assert written == encode({name: jsontext.decode(number)})


@pytest.mark.parametrize(
    ("text", "expected"),
    [("+9", 9), (".5", Decimal("0.5")), ("5.", Decimal(5)), ("007", 7)],
)
def test_a_number_that_json_would_write_otherwise_is_read_too(
    text: str, expected: object
) -> None:
    assert one("amount", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("9,99", "1,999.00", "$9.99", "9.99 USD", "1_000", "free", "0x10", "\u0663"),
        *("NaN", "Infinity", "1e400", "1e-99999999999", "-"),
    ],
)
@pytest.mark.parametrize("name", ["amount", "billing_cycles"])
def test_text_that_is_no_plain_number_stays(name: str, text: str) -> None:
    assert one(name, text) == text


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", 1),
        ("1.0", 1),
        (" 12 ", 12),
        ("1e2", 100),
        (1, 1),
        (1.0, 1),
        (Decimal("1.00"), 1),
        (1.5, 1.5),
        ("1.5", Decimal("1.5")),
        (Decimal("1E+999999"), Decimal("1E+999999")),
        (True, True),
        ([1.0], [1.0]),
    ],
    ids=repr,
)
@pytest.mark.parametrize(
    "name",
    [
        "subscription_interval_count",
        "subcription_interval_count",
        "subscriptionIntervalCount",
        "billing_cycles",
    ],
)
def test_a_count_is_a_whole_number_where_it_is_whole(
    name: str, value: object, expected: object
) -> None:
    found = one(name, value)

    assert found == expected
    assert type(found) is type(expected)


def test_a_count_that_is_no_number_stays() -> None:
    value = float("nan")

    assert one("billing_cycles", value) is value


# Booleans


@pytest.mark.parametrize("name", ["is_active", "isAutoRenewable"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((word, True) for word in ("true", "True", " t ", "1", "1.0", "yes", 1, 1.0)),
        *((word, False) for word in ("false", "F", "0", "no", 0, Decimal("0.0"))),
        (True, True),
        (False, False),
        ("maybe", "maybe"),
        ("maybe  ", "maybe"),
        (2, 2),
        ([True], [True]),
    ],
    ids=repr,
)
def test_a_boolean_is_read_from_text_and_from_0_and_1(
    name: str, value: object, expected: object
) -> None:
    found = one(name, value)

    assert found == expected
    assert type(found) is type(expected)


def test_other_properties_keep_words_for_booleans() -> None:
    row = {"is_rewarded": "true", "was_closed": "0", "count": "1"}

    assert normalised(row) is row


# Times


@pytest.mark.parametrize(
    "name",
    [
        *("purchase_date", "original_purchase_date", "start_time", "end_time"),
        *("canceled_at", "expires_at"),
    ],
)
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024-05-29T00:57:05.000000+00:00", "2024-05-29T00:57:05Z"),
        ("2024-05-29 02:57:05.227760 +02:00", "2024-05-29T00:57:05.22776Z"),
        ("2024-05-29 00:57:05,227760123 UTC", "2024-05-29T00:57:05.227760123Z"),
        ("2024-05-29T00:57:05Z   ", "2024-05-29T00:57:05Z"),
        ("2024-05-29", "2024-05-29T00:00:00Z"),
        (1716944225, "2024-05-29T00:57:05Z"),
        ("1716944225227", "2024-05-29T00:57:05.227Z"),
        (Decimal("1716944225.227760"), "2024-05-29T00:57:05.22776Z"),
        ("05/06/2024", "05/06/2024"),
        ("tomorrow  ", "tomorrow"),
        (20240529, 20240529),
        ("20240529", "20240529"),
        (True, True),
        ({"at": "2024-05-29 00:57:05"}, {"at": "2024-05-29 00:57:05"}),
    ],
    ids=repr,
)
def test_a_time_has_one_spelling_and_what_is_none_stays(
    name: str, value: object, expected: object
) -> None:
    assert one(name, value) == expected


# Whatever comes


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.text("0123456789 .-+eE:TZ"),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(row=st.dictionaries(st.sampled_from(DOCUMENTED), ANYTHING, max_size=8))
def test_whatever_a_record_says_is_normalised_once_and_for_all(row: Record) -> None:
    found = normalised(row)

    assert normalised(found) is found
    assert found.keys() <= row.keys()
    assert all(not str(row[name]).strip() for name in row.keys() - found.keys())


@given(row=st.dictionaries(st.text(max_size=5).map("x{}".format), ANYTHING))
def test_no_other_property_is_touched(row: Record) -> None:
    assert normalised(row) is row


@pytest.mark.parametrize("event_type", EVENTS)
@pytest.mark.parametrize(
    "value",
    [
        "{}",
        "[1]",
        '{"a": null}',
        "[x",
        " x",
        "",
        None,
        {},
        {"a": None},
        [{}],
        7,
        "7",
        "2024-05-29 00:51:38 UTC",
        "2024-05-29T24:00:00Z",
    ],
    ids=repr,
)
def test_one_property_that_nami_would_not_send_so_is_found_among_all_others(
    event_type: str, value: object
) -> None:
    sent = properties_of(event_type)
    for name in (*sent, "note"):
        row = sent | {name: value}
        found = read_properties(row, documented_among(tuple(row)))
        assert repr(found) == repr(plain_members(normalised(row)))
    assert read_properties(sent, documented_among(tuple(sent))) is sent
