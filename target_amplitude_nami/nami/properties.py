"""Gives the event properties that Nami documents one form, whatever form they came in.

A CSV file has text alone, a warehouse column one type for all rows, and a data frame
writes `1.0` for the 1 of a column with gaps; Nami's webhook is what all of them meant.
Every other property stays as it is, and so do objects and arrays.
"""

from __future__ import annotations

import functools
import math
import operator
import re
import typing as t
from decimal import Decimal

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import times, values
from target_amplitude_nami.nami.names import folded

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
_NOTHING: t.Final = object()
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

_Reader: t.TypeAlias = t.Callable[[t.Any], t.Any]


def normalised(properties: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return an event's properties with those that Nami documents in Nami's own form.

    - Text is trimmed, and blank text is nothing: its property falls away.
    - Numbers, booleans and times are read from text; what is none stays as it is.
    - Numbers keep their digits; counts are whole numbers without `.0`.
    - Times are `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, in UTC (`times.utc_text`).
    - What is text for Nami, but looks like a number, is text.

    Args:
        properties: By name, in any spelling: `purchase_date`, `purchaseDate`,
            `PURCHASEDATE`. The spelling stays.

    Returns:
        The very same object where nothing has to change.
    """
    documented = _documented(tuple(properties))
    changed: dict[str, t.Any] = {}
    if documented.texts is not None and not _are_trimmed(documented.texts(properties)):
        _read_all(documented.text_readers, properties, changed)
    if documented.readers:
        _read_all(documented.readers, properties, changed)
    if not changed:
        return properties
    return {
        name: value
        for name, value in (properties | changed).items()
        if value is not _NOTHING
    }


def _are_trimmed(texts: tuple[t.Any, ...]) -> bool:
    """Return whether all are text, none of it blank or padded: quick, as most are."""
    try:
        return all(texts) and tuple(map(str.strip, texts)) == texts
    except TypeError:  # not all are text
        return False


def _read_all(
    readers: Iterable[tuple[str, _Reader]],
    properties: Mapping[str, t.Any],
    changed: dict[str, t.Any],
) -> None:
    for name, read in readers:
        value = properties[name]
        if type(value) is _USUAL_TYPES.get(read):
            continue  # as Nami has it: the call would take longer
        normal = read(value)
        if normal is not value:
            changed[name] = normal


class _Documented(t.NamedTuple):
    """Which of a record's properties to look at, and how."""

    texts: t.Callable[[Mapping[str, t.Any]], tuple[t.Any, ...]] | None
    """Returns those that are text for Nami."""
    text_readers: tuple[tuple[str, _Reader], ...]
    readers: tuple[tuple[str, _Reader], ...]
    """Of all others."""


@functools.lru_cache(maxsize=1024)
def _documented(names: tuple[str, ...]) -> _Documented:
    """Look names up, once for records of one kind.

    Names may differ from record to record without end, so only the newest are
    remembered.
    """
    known = [
        (name, read)
        for name in names
        if (read := _READER_OF.get(folded(name))) is not None
    ]
    texts = tuple(each for each in known if each[1] in _TEXT_READERS)
    # Two names at least: of one, the getter would return no tuple.
    getter = texts and operator.itemgetter(texts[0][0], *(name for name, _ in texts))
    others = tuple(each for each in known if each[1] not in _TEXT_READERS)
    return _Documented(getter or None, texts, others)


def _text(value: object) -> object:
    if not isinstance(value, str):
        return value
    return values.trimmed(value) or _NOTHING


def _text_or_object(value: object) -> object:
    return _text(value)


def _array(value: object) -> object:
    return _text(value)  # JSON text becomes an array later, in `plain_values`


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
    return _NOTHING if flag is None else flag


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


_USUAL_TYPES: t.Final[dict[_Reader, type]] = {
    _count: int,
    _number: Decimal,
    _boolean: bool,
    _text_or_object: dict,
    _array: list,
}
"""Of values that stay as they are."""
_TEXT_READERS: t.Final = frozenset({_text, _text_of_digits})
_READER_OF: t.Final[dict[str, _Reader]] = {
    folded(name): read
    for names, read in (
        (_TEXTS, _text),
        (_TEXTS_OR_OBJECTS, _text_or_object),
        (_ARRAYS, _array),
        (_TEXTS_OF_DIGITS, _text_of_digits),
        (_NUMBERS, _number),
        (_COUNTS, _count),
        (_BOOLEANS, _boolean),
        (_TIMES, _time),
    )
    for name in names.split()
}

_KINDS: t.Final[dict[_Reader, Kind]] = {
    _text: "string",
    _text_or_object: "any",
    _array: "array",
    _text_of_digits: "string",
    _number: "number",
    _count: "integer",
    _boolean: "boolean",
    _time: "time",
}
KINDS: t.Final[dict[str, Kind]] = {
    name: _KINDS[read] for name, read in _READER_OF.items()
}
"""What each documented property is once it is `normalised`, by its folded name."""
