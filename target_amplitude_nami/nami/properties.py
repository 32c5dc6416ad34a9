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
from collections.abc import Mapping
from decimal import Decimal

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import times, values
from target_amplitude_nami.nami.names import folded
from target_amplitude_nami.nami.plain_values import are_plain, plain_members

if t.TYPE_CHECKING:
    from collections.abc import Sequence

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


def read_properties(
    properties: dict[str, t.Any], documented: Documented
) -> dict[str, t.Any]:
    """Return an event's properties as Nami's webhook has them, whatever they came from.

    Args:
        properties: By name.
        documented: What Nami documents among these names.

    Returns:
        The very same object where nothing has to change.
    """
    if _are_as_sent(properties, documented):
        return properties
    if None in properties.values():
        # A row of a wide table is mostly nulls, which say nothing.
        there = {name: value for name, value in properties.items() if value is not None}
        return read_properties(there, documented_among(tuple(there)))
    return plain_members(normalised(properties))


def _are_as_sent(properties: Mapping[str, t.Any], documented: Documented) -> bool:
    """Return whether all are surely in the form of Nami's webhook: quick, as most are.

    What is text for Nami holds no JSON where there is no bracket in it.
    """
    if documented.texts is not None:
        texts = documented.texts(properties)
        if not _are_trimmed(texts):
            return False
        text = "".join(texts)
        if "{" in text or "[" in text:
            return False
    for name, usual in documented.usual_types:
        if type(properties[name]) not in usual:
            return False
    for name in documented.times:
        value = properties[name]
        if _time(value) is not value:
            return False
    return documented.others is None or are_plain(documented.others(properties))


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
    documented = documented_among(tuple(properties))
    changed: dict[str, t.Any] = {}
    texts = documented.texts
    is_trimmed = texts is not None and _are_trimmed(texts(properties))
    for name, read in documented.other_readers if is_trimmed else documented.readers:
        value = properties[name]
        normal = read(value)
        if normal is not value:
            changed[name] = normal
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


_Values: t.TypeAlias = t.Callable[[Mapping[str, t.Any]], tuple[t.Any, ...]]


class Documented(t.NamedTuple):
    """Which of the properties of a record Nami documents, and how to read them."""

    readers: tuple[tuple[str, _Reader], ...]
    """By name, what reads the property."""
    other_readers: tuple[tuple[str, _Reader], ...]
    """Those of properties that are more than text for Nami, such as times."""
    texts: _Values | None
    """Returns those that are text for Nami, also times."""
    times: tuple[str, ...]
    usual_types: tuple[tuple[str, tuple[type, ...]], ...]
    """By name, the types of single values, and of containers, that Nami sends."""
    others: _Values | None
    """Returns those that may hold more than a single value: all others, above all."""


@functools.lru_cache(maxsize=1024)
def documented_among(names: tuple[str, ...]) -> Documented:
    """Look names up, once for records of one kind.

    Names may differ from record to record without end, so only the newest are
    remembered.
    """
    readers = {
        name: read
        for name in names
        if (read := _READER_OF.get(folded(name))) is not None
    }
    texts = [name for name, read in readers.items() if read in _TEXT_READERS]
    usual_types = [
        (name, usual)
        for name, read in readers.items()
        if (usual := _USUAL_TYPES.get(read)) is not None
    ]
    others = [name for name in names if readers.get(name) not in _SCALAR_READERS]
    return Documented(
        tuple(readers.items()),
        tuple(
            (name, read) for name, read in readers.items() if read not in _TEXTS_ALONE
        ),
        _values_of(texts),
        tuple(name for name, read in readers.items() if read is _time),
        tuple(usual_types),
        _values_of(others),
    )


def _values_of(names: Sequence[str]) -> _Values | None:
    # Two names at least: of one, the getter would return no tuple.
    return operator.itemgetter(names[0], *names) if names else None


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


_USUAL_TYPES: t.Final[dict[_Reader, tuple[type, ...]]] = {
    _count: (int,),
    _number: (Decimal, int, float),
    _boolean: (bool,),
    _text_or_object: (dict,),
    _array: (list,),
}
"""Of values that stay as they are."""
_TEXTS_ALONE: t.Final = frozenset({_text, _text_of_digits})
_TEXT_READERS: t.Final = _TEXTS_ALONE | {_time}
_SCALAR_READERS: t.Final = _TEXT_READERS | {_count, _number, _boolean}
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
