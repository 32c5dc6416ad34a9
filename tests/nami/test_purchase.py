"""What a record says of money, and whether it is from production."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.purchase import Purchase, is_sandbox, purchase_of

TOO_LARGE = Decimal(f"1{400 * '0'}")


def paid(**properties: Any) -> Purchase:
    found = purchase_of({"amount": Decimal("9.99")} | properties)
    assert found is not None
    return found


def refused(**properties: Any) -> tuple[str, str]:
    with pytest.raises(UnreadableRecord) as caught:
        purchase_of({"amount": Decimal("9.99")} | properties)
    assert caught.value.field in caught.value.detail
    return caught.value.reason, caught.value.field


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (Decimal("9.99"), "9.99"),
        (Decimal("9.990"), "9.990"),
        (Decimal("0.1000000000000000055511151231"), "0.1000000000000000055511151231"),
        (9.99, "9.99"),
        (0.1, "0.1"),
        (10, "10"),
        (-10, "-10"),
        ("9.99", "9.99"),
        (" 9.990 ", "9.990"),
        ("-9.99", "-9.99"),
        ("+9", "9"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1E+3"),
        ("12345678901234567890.12", "12345678901234567890.12"),
    ],
    ids=repr,
)
def test_an_amount_is_kept_digit_for_digit_as_number_or_text(
    value: object, amount: str
) -> None:
    assert str(paid(amount=value).amount) == amount


@pytest.mark.parametrize(
    "value",
    [None, "", "  ", 0, 0.0, -0.0, Decimal("0.00"), "0", "-0.00", "1e-400"],
    ids=repr,
)
def test_nothing_and_zero_are_no_purchase(value: object) -> None:
    assert purchase_of({"amount": value, "currency": "no currency"}) is None


def test_without_an_amount_there_is_no_purchase() -> None:
    assert purchase_of({"currency": "USD", "sku": "radio_monthly"}) is None


@pytest.mark.parametrize(
    "value",
    [
        *("9,99", "1,999.00", "$9.99", "9.99 USD", "1_000", "free", "0x10", "٣"),
        *("NaN", "Infinity", "1e400", Decimal("NaN"), Decimal("Infinity"), TOO_LARGE),
        *(float("nan"), float("inf"), True, False, [9.99], {"value": 9.99}),
    ],
    ids=lambda value: f"{value!r:.20}",
)
def test_an_amount_that_is_no_plain_number_is_refused(value: object) -> None:
    assert refused(amount=value) == ("amount_unreadable", "amount")


@pytest.mark.parametrize(
    ("record", "currency"),
    [
        ({"currency": "USD"}, "USD"),
        ({"currency": " eur "}, "EUR"),
        ({"currency": "EUR", "locale": "en_US@currency=USD"}, "EUR"),
        ({"locale": "en_US@currency=USD"}, "USD"),
        ({"currency": "", "locale": "de_DE@calendar=gregorian;currency=eur"}, "EUR"),
        ({"currency": " ", "locale": "en_US@currency=USD"}, "USD"),
        ({"currency": None, "locale": "ja_JP@currency=JPY;numbers=latn"}, "JPY"),
        ({"locale": "en_US"}, None),
        ({"locale": "en_US@currency="}, None),
        ({"locale": "en_US@currency=EURO"}, None),
        ({"locale": "en_US@currency=XXX"}, None),
        ({"locale": 7}, None),
        ({}, None),
    ],
    ids=repr,
)
def test_the_currency_is_the_records_own_else_that_of_its_locale(
    record: dict[str, Any], currency: str | None
) -> None:
    assert paid(**record).currency == currency


@pytest.mark.parametrize(
    "value", ["€", "EURO", "US", "US1", "XXX", "xts", "ÉUR", 840, ["USD"]], ids=repr
)
def test_a_currency_that_is_none_is_refused_whatever_the_locale_says(
    value: object,
) -> None:
    locale = "en_US@currency=USD"
    assert refused(currency=value, locale=locale) == ("currency_unreadable", "currency")


def test_amount_and_currency_are_found_under_any_spelling() -> None:
    record = {"AMOUNT": "9.99", "Currency": "EUR"}
    assert purchase_of(record) == Purchase(Decimal("9.99"), "EUR", None)


@pytest.mark.parametrize(
    ("record", "product"),
    [
        ({"sku": "radio_monthly"}, "radio_monthly"),
        ({"sku_ref_id": "radio_monthly"}, "radio_monthly"),
        ({"skuId": "radio_monthly"}, "radio_monthly"),
        ({"skuRefId": "radio_monthly"}, "radio_monthly"),
        ({"SKU": "radio_monthly"}, "radio_monthly"),
        ({"Sku": " ", "SKUREFID": "radio_monthly"}, "radio_monthly"),
        ({"sku": "", "skuId": "radio_monthly"}, "radio_monthly"),
        ({"sku": "first", "sku_ref_id": "second"}, "first"),
        ({"sku": 1042}, "1042"),
        ({}, None),
    ],
    ids=repr,
)
def test_the_product_goes_by_all_of_its_names(
    record: dict[str, Any], product: str | None
) -> None:
    assert paid(**record).product == product


def test_a_product_that_is_no_id_is_refused() -> None:
    assert refused(sku={"id": "radio_monthly"}) == ("not_an_id", "sku")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(amount=JSON, currency=JSON, locale=JSON, sku=JSON)
def test_whatever_a_record_says_it_is_understood_or_refused(**record: Any) -> None:
    try:
        found = purchase_of(record)
    except UnreadableRecord:
        return
    assert found is None or (found.amount.is_finite() and found.amount)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"purchase_env": "sandbox"}, True),
        ({"purchase_env": "Sandbox"}, True),
        ({"purchase_env": "production"}, False),
        ({"purchase_env": " PRODUCTION "}, False),
        ({"app_env": "beta_testing"}, True),
        ({"app_env": "device_development"}, True),
        ({"app_env": "simulator_development"}, True),
        ({"app_env": "production"}, False),
        # The store knows better than the app.
        ({"purchase_env": "sandbox", "app_env": "production"}, True),
        ({"purchase_env": "production", "app_env": "beta_testing"}, False),
        ({"purchase_env": "", "app_env": "beta_testing"}, True),
        ({"purchase_env": None, "app_env": 7}, False),
        ({"purchaseEnv": "sandbox"}, True),
        ({"PURCHASEENV": "sandbox"}, True),
        ({"Purchase_Env": "sandbox", "app_env": "production"}, True),
        ({"appEnv": "beta_testing"}, True),
        ({"purchase_env": "production", "purchaseEnv": "sandbox"}, False),
        ({"purchase_env": " ", "purchaseEnv": "sandbox"}, True),
        ({"purchaseEnv": "sandbox", "purchase_env": "production"}, False),
        ({"purchase_env": "prod"}, False),
        ({"purchase_env": "PROD  "}, False),
        ({"app_env": "PRODUCTION"}, False),
        ({"appEnv": "prod", "environment": "production"}, False),
        ({}, False),
    ],
    ids=repr,
)
def test_a_record_is_of_the_sandbox_when_it_says_so(
    record: dict[str, Any], *, expected: bool
) -> None:
    assert is_sandbox(record) is expected


@pytest.mark.parametrize("field", ["is_sandbox", "sandbox", "isSandbox", "SANDBOX"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((word, True) for word in (True, "true", "True", "t", "1", 1, 1.0, "yes")),
        *((word, False) for word in (False, "false", "F", "0", 0, Decimal("0.0"))),
        ("sandbox", True),
        ("Testing ", True),
        ("production", False),
        (" PROD", False),
        # No boolean, so about something else.
        *((word, False) for word in ("sand", "beta_testing", 2, None, " ")),
        ([True], False),
        ({}, False),
    ],
    ids=repr,
)
def test_a_flag_shows_the_sandbox_in_any_form_of_a_boolean(
    field: str, value: object, *, expected: bool
) -> None:
    assert is_sandbox({field: value}) is expected


@pytest.mark.parametrize("field", ["environment", "Environment", "ENVIRONMENT"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((word, True) for word in ("sandbox", "test", "testing", "staging")),
        *((word, True) for word in ("development", "dev", "Sandbox", " DEV ")),
        *((word, False) for word in ("production", "prod", "eu-west-1", "stage")),
        *((word, False) for word in ("beta_testing", "", None, 1, True, ["sandbox"])),
    ],
    ids=repr,
)
def test_an_environment_shows_the_sandbox_by_six_words_alone(
    field: str, value: object, *, expected: bool
) -> None:
    assert is_sandbox({field: value}) is expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        # The store's word on the purchase counts before all others.
        ({"purchase_env": "production", "is_sandbox": True}, False),
        ({"purchase_env": "production", "environment": "test"}, False),
        ({"purchase_env": "sandbox", "is_sandbox": False}, True),
        ({"purchase_env": " ", "is_sandbox": "t"}, True),
        # A flag counts before what is not about the purchase.
        ({"is_sandbox": False, "environment": "test"}, False),
        ({"is_sandbox": False, "app_env": "beta_testing"}, False),
        ({"is_sandbox": "true", "app_env": "production"}, True),
        ({"is_sandbox": None, "sandbox": 1}, True),
        ({"sandbox": "pit", "app_env": "beta_testing"}, True),
        # The SDK says `production` where it has no clue.
        ({"environment": "sandbox", "app_env": "production"}, True),
        # A word that says nothing leaves it to the next.
        ({"environment": "production", "app_env": "beta_testing"}, True),
        ({"environment": "blue", "app_env": "production"}, False),
    ],
    ids=repr,
)
def test_of_several_words_on_the_sandbox_the_surest_counts(
    record: dict[str, Any], *, expected: bool
) -> None:
    assert is_sandbox(record) is expected
    assert is_sandbox(dict(reversed(record.items()))) is expected
