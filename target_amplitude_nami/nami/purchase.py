"""What a record says of money, and whether it is from production or from a test."""

from __future__ import annotations

import functools
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
_PRODUCT_FIELDS = ("sku", "sku_ref_id", "sku_id")
"""One thing under the names of Nami's webhooks and SDKs."""
_FIELDS = frozenset(
    {*_ENVIRONMENT_FIELDS, *_PRODUCT_FIELDS, "amount", "currency", "locale"}
)
_FIELD_OF = {field.replace("_", ""): field for field in _FIELDS}

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
        environment = _told(properties, field)
        if isinstance(environment, str):
            return environment.strip().lower() != _PRODUCTION
    return False


def purchase_of(properties: Mapping[str, t.Any]) -> Purchase | None:
    """Return what a `device.transaction` says of money; None where none was paid.

    Args:
        properties: The event's, each field under any of its spellings.

    Raises:
        UnreadableRecordError: For an amount that is no number (`amount_unreadable`), a
            currency that is none (`currency_unreadable`), and a product's id that is
            none (`not_an_id`).
    """
    amount = _amount(_told(properties, "amount"))
    if amount is None:
        return None
    return Purchase(amount, _currency(properties), _product(properties))


def _told(properties: Mapping[str, t.Any], field: str) -> t.Any:
    """Return what a field says under any spelling; None for nothing and blank text.

    The usual spelling counts first: `purchase_env` before `purchaseEnv`.
    """
    told = properties.get(field)
    if not _is_blank(told):
        return told
    for name in _spellings(tuple(properties)).get(field, ()):
        if not _is_blank(properties[name]):
            return properties[name]
    return None


def _is_blank(told: object) -> bool:
    return told is None or (isinstance(told, str) and not told.strip())


@functools.lru_cache(maxsize=1024)
def _spellings(names: tuple[str, ...]) -> dict[str, list[str]]:
    """Return by field under which names it is there: once for records of one kind."""
    found: dict[str, list[str]] = {}
    for name in names:
        field = _FIELD_OF.get(name.replace("_", "").lower())
        if field is not None:
            found.setdefault(field, []).append(name)
    return found


def _amount(told: object) -> Decimal | None:
    """Return an amount given as a number or as text; None for nothing and for zero."""
    if told is None:
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
    if amount is None or amount.is_snan() or not math.isfinite(float(amount)):
        raise UnreadableRecordError(
            "amount_unreadable",
            "amount",
            f"amount is {values.shown(told)}, which is no plain number",
        )
    return amount if float(amount) else None


def _currency(properties: Mapping[str, t.Any]) -> str | None:
    """Return the record's own currency; only without one, that of its locale."""
    told = _told(properties, "currency")
    if told is None:
        named = _LOCALES_CURRENCY.search(str(_told(properties, "locale")))
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
        product = values.identifier(_told(properties, field), field)
        if product is not None:
            return product
    return None
