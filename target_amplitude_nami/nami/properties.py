"""Reads the values of event properties that Nami documents, whatever form they came in.

A CSV file has text alone, a warehouse column one type for all rows, and a data frame
writes `1.0` for the 1 of a column with gaps; Nami's webhook is what all of them meant.
Every other property stays as it is, and so do objects and arrays.
"""

from __future__ import annotations

import math
import re
import typing as t
from decimal import Decimal

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import times, values
from target_amplitude_nami.nami.names import folded

_TEXTS = """
    app_env app_platform_id call_to_action campaign_id campaign_label campaign_name
    campaign_type campaign_url collapse_key controller_name cta_type currency
    current_term_length deeplink_url developer_paywall_id event_platform
    external_segment_id impression impression_id initiator launch_id locale
    localized_description name namiml_event_category namiml_event_subcategory1
    paywall_id paywall_name purchase_env segment segment_id session source
    subscription_interval
"""
_TEXTS_OR_OBJECTS = "url_params"
_ARRAYS = "devices_with_access entitlements"
_TEXTS_OF_DIGITS = """
    original_transaction_id quantity sku sku_id sku_ref_id transaction_id
"""
"""Text for Nami (`"quantity": "1"`), and numbers to whoever guesses types."""
_NUMBERS = "amount time_spent_on_paywall"
_COUNTS = "billing_cycles subcription_interval_count subscription_interval_count"
_BOOLEANS = "is_active is_auto_renewable is_free_trial_conversion"
_TIMES = """
    canceled_at end_time expires_at original_purchase_date purchase_date start_time
"""

_CANONICAL_LENGTH: t.Final = len("2024-05-29T00:57:11Z")
NOTHING: t.Final = object()
"""What blank text says."""

_BEYOND_ANY_ID: t.Final = 10**40
"""Numbers from here on stay as they are: no count and no id has so many digits."""

plain_number: t.Final = re.compile(
    r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII
).fullmatch
"""Matches text that is a number to everybody, unlike `1,999` and `1.999,00`."""

Kind: t.TypeAlias = t.Literal[
    "string",
    "time",
    "integer",
    "number",
    "boolean",
    "array of string",
    "array",
    "object",
    "any",
]
"""What a property is in Amplitude; a time is text, a number may be an integer."""


class PropertyReader(t.NamedTuple):
    """How to read a property that Nami documents."""

    kind: Kind
    """What it is once it is read."""
    read: t.Callable[[t.Any], t.Any]
    """Returns its value in Nami's own form, `NOTHING` for blank text, and what is not
    understood as it is."""
    usual_types: tuple[type, ...] = ()
    """Of values that `read` returns as they are."""


def _text(value: object) -> object:
    if not isinstance(value, str):
        return value
    return values.trimmed(value) or NOTHING


def _text_of_digits(value: object) -> object:
    number = _whole(value)
    if type(number) is int and abs(number) < _BEYOND_ANY_ID:
        return str(number)
    return _text(value)


def _number(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = values.trimmed(value)
    if not plain_number(text) or not math.isfinite(float(text)):
        return _text(value)
    return int(text) if text.lstrip("+-").isdecimal() else Decimal(text)


def _count(value: object) -> object:
    return _whole(_number(value))


def _whole(value: object) -> object:
    """Return a number without a fraction as an integer, anything else as it is."""
    if not isinstance(value, float | Decimal):
        return value
    number = Decimal(repr(value)) if isinstance(value, float) else value
    if not number.is_finite() or number.copy_abs() >= _BEYOND_ANY_ID:
        return value
    return int(number) if number == number.to_integral_value() else value


def _boolean(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return value
    try:
        flag = values.boolean(value, "")
    except UnreadableRecord:
        return _text(value)
    return NOTHING if flag is None else flag


def _time(value: object) -> object:
    if (
        isinstance(value, str)
        and len(value) == _CANONICAL_LENGTH
        and (value[10], value[-1]) == ("T", "Z")
        and value[11:13] != "24"
    ):
        return value  # in Nami's own form already, or no time at all
    text = times.utc_text(value)
    return _text(value) if text is None else text


READERS: t.Final = {
    folded(name): reader
    for names, reader in (
        (_TEXTS, PropertyReader("string", _text)),
        (_TEXTS_OR_OBJECTS, PropertyReader("any", _text, (dict,))),
        # JSON text becomes an array later, in `plain_values`.
        (_ARRAYS, PropertyReader("array", _text, (list,))),
        (_TEXTS_OF_DIGITS, PropertyReader("string", _text_of_digits)),
        (_NUMBERS, PropertyReader("number", _number, (Decimal, int, float))),
        (_COUNTS, PropertyReader("integer", _count, (int,))),
        (_BOOLEANS, PropertyReader("boolean", _boolean, (bool,))),
        (_TIMES, PropertyReader("time", _time)),
    )
    for name in names.split()
}
"""By the property's folded name."""
KINDS: t.Final = {name: reader.kind for name, reader in READERS.items()}
"""What each documented property is once it is read, by its folded name."""
