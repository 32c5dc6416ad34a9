"""Reads single values in every form that a tap or warehouse gives them.

Booleans as text or 0/1, times as text or epoch numbers (`times`), ids as text or
numbers, and objects or arrays as JSON text.
"""

from __future__ import annotations

import typing as t
from decimal import Decimal

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import times

WHITESPACE: t.Final = " \t\r\n\v\f"
"""What pads text. A no-break space is a character that somebody has typed."""
PADDING: t.Final = "\ufeff \t\r\n"
"""What may stand around JSON text: a file's byte order mark, and JSON's own blanks."""
_JSON_OPENINGS: t.Final = frozenset('{["')
_MOST_ENCODINGS: t.Final = 4
"""How often JSON text may hold JSON text."""
_MOST_KEYS_SHOWN: t.Final = 8

# "1.0" is how data frames write a flag that some of their rows lack.
_TRUE = frozenset({"true", "t", "1", "1.0", "yes", "y", "on"})
_FALSE = frozenset({"false", "f", "0", "0.0", "no", "n", "off"})

NO_ID: t.Final = "nami_device_id_not_set"
"""What Nami writes where a device has no id."""
_NULL_MARKERS: t.Final = frozenset({"(null)", r"\N", "<NA>", "nan", "NaN"})
"""What Objective-C, database dumps and data frames write into text for no value."""
_LONGEST_SHOWN = 60


def not_understood(field: str, problem: str) -> UnreadableRecord:
    """Return the error for a container in no form that this target reads."""
    return UnreadableRecord(
        "not_understood",
        field,
        f"{field} {problem}: give it in one of the forms that docs/input.md shows",
    )


def is_blank(value: object) -> bool:
    """Return whether a value is null, or text with nothing in it to be seen."""
    if value is None:
        return True
    return isinstance(value, str) and not value.strip().strip(PADDING)


def trimmed(text: str) -> str:
    """Return text without the padding of CHAR columns, line ends and tabs around it."""
    return text.strip(WHITESPACE)


def epoch_ms(value: object, field: str) -> int:
    """Return a time as integer milliseconds since 1970, fractions cut off.

    Takes what `times` reads: ISO 8601 text (`Z`, `UTC`, an offset, or no zone, which
    means UTC), epoch seconds to nanoseconds as a number or in text, `/Date(ms)/`, and
    the moment or day that a stream map has made.

    Raises:
        UnreadableRecord: For anything else, blank text too (`time_unreadable`).
    """
    milliseconds = times.milliseconds(value)
    if milliseconds is None:
        raise UnreadableRecord(
            "time_unreadable",
            field,
            f"{field} is {shown(value)}, which is not a time, or is ambiguous; "
            f"write it as 2024-05-29T00:57:11Z (UTC), or as epoch seconds, "
            f"milliseconds, microseconds or nanoseconds",
        )
    return milliseconds


def time_ms(value: object, field: str) -> int | None:
    """Return a time as `epoch_ms` does; None where there is none, or blank text.

    Raises:
        UnreadableRecord: For what cannot be read (`time_unreadable`).
    """
    return None if is_blank(value) else epoch_ms(value, field)


def utc_text(value: object) -> str | None:
    """Return a time as `YYYY-MM-DDTHH:MM:SS[.fraction]Z`; None for what is no time."""
    return times.utc_text(value)


def boolean(value: object, field: str) -> bool | None:
    """Return a flag given as boolean, 0/1 or text; None where there is none.

    Raises:
        UnreadableRecord: For anything else (`not_a_boolean`).
    """
    if value is None or isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    if not word:
        return None
    raise UnreadableRecord(
        "not_a_boolean", field, f"{field} is {shown(value)}, which is not a boolean"
    )


def identifier(value: object, field: str) -> str | None:
    """Return an id as trimmed text: whole numbers without `.0`.

    None for blank text and for Nami's placeholder.

    Raises:
        UnreadableRecord: For a boolean, an object or a fraction (`not_an_id`).
    """
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip(WHITESPACE)
        return None if not text or text == NO_ID else text
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if number.is_finite() and number == number.to_integral_value():
            return str(int(number))
    raise UnreadableRecord(
        "not_an_id",
        field,
        f"{field} is {shown(value)}; an id is text or a whole number",
    )


def external_id(value: object, field: str) -> str | None:
    """Return an External ID as `identifier` does; None for a null marker in text, too.

    Words that Amplitude forbids as ids (`none`, `null`) stay what they are, so that the
    event is rejected with that reason.

    Raises:
        UnreadableRecord: For what is no id (`not_an_id`).
    """
    text = identifier(value, field)
    return None if text in _NULL_MARKERS else text


def json_text(text: str, field: str) -> t.Any:
    """Return what JSON text holds; None for blank text.

    Raises:
        UnreadableRecord: For text that is no JSON (`not_json`), or nested too deep
            (`too_deep`).
    """
    if is_blank(text):
        return None
    try:
        return jsontext.decode(text.strip(PADDING))
    except jsontext.TooDeep as error:
        raise UnreadableRecord(
            "too_deep", field, f"{field} holds JSON text that is {error}"
        ) from error
    except ValueError as error:
        raise UnreadableRecord(
            "not_json", field, f"{field} holds text that is not JSON: {error}"
        ) from error


def is_plain_text(text: str) -> bool:
    """Return whether text is plainly no JSON text of an object, an array or a text."""
    beginning = text.lstrip(PADDING)[:1]
    return bool(beginning) and beginning not in _JSON_OPENINGS


def opened(value: object) -> t.Any:
    """Return what JSON text holds, also text within text; any other value as it is.

    Raises:
        ValueError: For text that begins like JSON and is none.
    """
    for _ in range(_MOST_ENCODINGS):
        if not isinstance(value, str):
            break
        text = value.strip(PADDING)
        if text[:1] not in _JSON_OPENINGS:
            break
        value = jsontext.decode(text)
    return value


def shown(value: object) -> str:
    """Return a value for a message: quoted, and short whatever its length."""
    text = f"{value}"
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]}…"
    return f"'{text}'"


def shown_keys(members: t.Mapping[t.Any, t.Any]) -> str:
    """Return the keys of an object for a message, the first ones of many."""
    keys = [shown(key) for key in list(members)[:_MOST_KEYS_SHOWN]]
    more = len(members) - len(keys)
    return ", ".join(keys) + (f" and {more} more" if more else "")
