"""What a record says of money, and whether it is from production or from a test."""

from __future__ import annotations

import math
import re
import typing as t
from decimal import Decimal

import msgspec

from target_amplitude_nami.nami import values
from target_amplitude_nami.nami.values import UnreadableRecordError

if t.TYPE_CHECKING:
    from collections.abc import Mapping

TRANSACTION: t.Final = "device.transaction"

_PRODUCTION = "production"
_ENVIRONMENT_FIELDS = ("purchase_env", "app_env")
_PRODUCT_FIELDS = ("sku", "sku_ref_id", "skuId")
"""One thing under the names of Nami's webhooks and SDKs."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}")
_LOCALES_CURRENCY = re.compile(r"[@;]currency=([A-Za-z]{3})(?:;|$)")
_NO_CURRENCIES = frozenset({"XXX", "XTS"})
"""ISO 4217's codes for "no currency" and for tests."""


class Purchase(msgspec.Struct, frozen=True):
    """What was paid, or paid back."""

    amount: Decimal
    """Digit for digit as told; never zero, below zero where money went back."""
    currency: str | None
    """Three letters in upper case."""
    product: str | None


def is_sandbox(properties: Mapping[str, t.Any]) -> bool:
    """Return whether a record says that it is not from production.

    The store's word on the purchase (`purchase_env`) counts before the SDK's word on
    the app (`app_env`), which is `production` where the SDK has no clue (mParticle
    docs, "Nami ML" feed).
    """
    for field in _ENVIRONMENT_FIELDS:
        environment = properties.get(field)
        if isinstance(environment, str) and environment.strip():
            return environment.strip().lower() != _PRODUCTION
    return False


def purchase_of(properties: Mapping[str, t.Any]) -> Purchase | None:
    """Return what a `device.transaction` says of money; None where none was paid.

    Args:
        properties: The event's, under any of the names that Nami's SDKs have for them.

    Raises:
        UnreadableRecordError: For an amount that is no number (`amount_unreadable`), a
            currency that is none (`currency_unreadable`), and a product's id that is
            none (`not_an_id`).
    """
    amount = _amount(properties.get("amount"))
    if amount is None:
        return None
    return Purchase(amount, _currency(properties), _product(properties))


def _amount(told: object) -> Decimal | None:
    """Return an amount given as a number or as text; None for nothing and for zero."""
    if told is None or told == "":
        return None
    amount = None
    if isinstance(told, str):
        # "1,999" and "1.999,00" mean different amounts in different places.
        if _NUMBER.fullmatch(told.strip()):
            amount = Decimal(told.strip())
    elif isinstance(told, float):
        amount = Decimal(repr(told))
    elif isinstance(told, int | Decimal) and not isinstance(told, bool):
        amount = Decimal(told)
    # Beyond what a floating point number holds, others see infinity or zero.
    if amount is None or not math.isfinite(float(amount)):
        raise UnreadableRecordError(
            "amount_unreadable",
            "amount",
            f"amount is {values.shown(told)}, which is no plain number",
        )
    return amount if float(amount) else None


def _currency(properties: Mapping[str, t.Any]) -> str | None:
    """Return the record's own currency; only without one, that of its locale."""
    told = properties.get("currency")
    if told is None or told == "":
        named = _LOCALES_CURRENCY.search(str(properties.get("locale")))
        code = named[1].upper() if named else None
        return None if code in _NO_CURRENCIES else code
    code = str(told).strip().upper()
    if _CURRENCY.fullmatch(code) and code not in _NO_CURRENCIES:
        return code
    raise UnreadableRecordError(
        "currency_unreadable",
        "currency",
        f"currency is {values.shown(told)}, which is no currency's code of three "
        f"letters",
    )


def _product(properties: Mapping[str, t.Any]) -> str | None:
    for field in _PRODUCT_FIELDS:
        product = values.identifier(properties.get(field), field)
        if product is not None:
            return product
    return None
