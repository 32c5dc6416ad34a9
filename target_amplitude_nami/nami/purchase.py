"""Reads the purchase in a record, and whether it is from production or a test."""

from __future__ import annotations

import functools
import math
import re
import typing as t
from decimal import Decimal

import msgspec

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import values
from target_amplitude_nami.nami.names import folded
from target_amplitude_nami.nami.properties import plain_number

if t.TYPE_CHECKING:
    from collections.abc import Mapping

TRANSACTION: t.Final = "device.transaction"

_Spellings: t.TypeAlias = "Mapping[str, list[str]]"
"""By field, the names under which a record has it."""

_PRODUCTION_WORDS = frozenset({"production", "prod"})
_SANDBOX_WORDS = frozenset(
    {"sandbox", "test", "testing", "staging", "development", "dev"}
)

_PRODUCT_FIELDS = ("sku", "sku_ref_id", "sku_id")
"""One thing under the names of Nami's webhooks and SDKs."""

_CURRENCY = re.compile(r"[A-Z]{3}")
_LOCALES_CURRENCY = re.compile(r"[@;]currency=([A-Za-z]{3})(?:;|$)")
_NO_CURRENCIES = frozenset({"XXX", "XTS"})
"""ISO 4217's codes for "no currency" and for tests."""


class Purchase(msgspec.Struct, frozen=True):
    """What was paid, or paid back."""

    amount: Decimal
    """Digit for digit as given; never zero, below zero where money went back."""
    currency: str | None
    """Three letters in upper case."""
    product: str | None


def is_sandbox(properties: Mapping[str, t.Any]) -> bool:
    """Return whether a record says that it is not from production.

    The first of these that says anything counts:

    1. `purchase_env`, the store's word on the purchase;
    2. `is_sandbox` and `sandbox`: a boolean in any form, or a word for one of the two.
       They are not Nami's: any other word is about something else and says nothing;
    3. `environment`, if it is a word for a sandbox. It is not Nami's either and may be
       that of anything: `production` in it says nothing;
    4. `app_env`, the SDK's word on the app, which is `production` where the SDK has no
       clue (mParticle docs, "Nami ML" feed).
    """
    spellings = _spellings(tuple(properties))
    for field, judge in _SANDBOX_FIELDS.items():
        if field in spellings:
            verdict = judge(_value(properties, spellings, field))
            if verdict is not None:
                return verdict
    return False


def _by_nami(value: object) -> bool | None:
    """Judge by Nami's own field: whatever is not production is for tests."""
    return None if not isinstance(value, str) else _word(value) not in _PRODUCTION_WORDS


def _by_flag(value: object) -> bool | None:
    if isinstance(value, str) and _word(value) in _PRODUCTION_WORDS:
        return False
    if not isinstance(value, str | int | float | Decimal):
        return None
    try:
        return values.boolean(value, "is_sandbox")
    except UnreadableRecord:
        return _by_environment(value)


def _by_environment(value: object) -> bool | None:
    return True if isinstance(value, str) and _word(value) in _SANDBOX_WORDS else None


def _word(value: str) -> str:
    return value.strip().lower()


_SANDBOX_FIELDS: t.Final[dict[str, t.Callable[[object], bool | None]]] = {
    "purchase_env": _by_nami,
    "is_sandbox": _by_flag,
    "sandbox": _by_flag,
    "environment": _by_environment,
    "app_env": _by_nami,
}
_FIELD_OF: t.Final = {
    folded(field): field
    for field in (*_SANDBOX_FIELDS, *_PRODUCT_FIELDS, "amount", "currency", "locale")
}


def purchase_of(properties: Mapping[str, t.Any]) -> Purchase | None:
    """Return what a `device.transaction` says of money; None where none was paid.

    Args:
        properties: The event's, each field under any of its spellings.

    Raises:
        UnreadableRecord: For an amount that is no number (`amount_unreadable`), a
            currency that is none (`currency_unreadable`), and a product's id that is
            none (`not_an_id`).
    """
    spellings = _spellings(tuple(properties))
    amount = _amount(_value(properties, spellings, "amount"))
    if amount is None:
        return None
    return Purchase(
        amount, _currency(properties, spellings), _product(properties, spellings)
    )


def _value(properties: Mapping[str, t.Any], spellings: _Spellings, field: str) -> t.Any:
    """Return what a field says under any spelling; None for nothing and blank text."""
    for name in spellings.get(field, ()):
        value = properties[name]
        if not values.is_blank(value):
            return value
    return None


@functools.lru_cache(maxsize=1024)
def _spellings(names: tuple[str, ...]) -> _Spellings:
    """Return by field under which names it is there: once for records of one kind.

    The usual spelling comes first: `purchase_env` before `purchaseEnv`.
    """
    found: dict[str, list[str]] = {}
    for name in names:
        field = _FIELD_OF.get(folded(name))
        if field is not None:
            spelled = found.setdefault(field, [])
            spelled.insert(0 if name == field else len(spelled), name)
    return found


def _amount(value: object) -> Decimal | None:
    """Return an amount given as a number or as text; None for nothing and for zero."""
    if value is None:
        return None
    amount = None
    if isinstance(value, str):
        # "1,999" and "1.999,00" mean different amounts in different places.
        if plain_number(value.strip()):
            amount = Decimal(value.strip())
    elif isinstance(value, float):
        amount = Decimal(repr(value))
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        amount = Decimal(value)
    # Beyond what a floating point number holds, others see infinity or zero.
    if amount is None or amount.is_snan() or not math.isfinite(float(amount)):
        raise UnreadableRecord(
            "amount_unreadable",
            "amount",
            f"amount is {values.shown(value)}, which is not a plain number",
        )
    return amount if float(amount) else None


def _currency(properties: Mapping[str, t.Any], spellings: _Spellings) -> str | None:
    """Return the record's own currency; only without one, that of its locale."""
    value = _value(properties, spellings, "currency")
    if value is None:
        named = _LOCALES_CURRENCY.search(str(_value(properties, spellings, "locale")))
        code = named[1].upper() if named else None
        return None if code in _NO_CURRENCIES else code
    code = str(value).strip().upper()
    if _CURRENCY.fullmatch(code) and code not in _NO_CURRENCIES:
        return code
    raise UnreadableRecord(
        "currency_unreadable",
        "currency",
        f"currency is {values.shown(value)}, which is not a currency code of three "
        f"letters",
    )


def _product(properties: Mapping[str, t.Any], spellings: _Spellings) -> str | None:
    for field in _PRODUCT_FIELDS:
        product = values.identifier(_value(properties, spellings, field), field)
        if product is not None:
            return product
    return None
