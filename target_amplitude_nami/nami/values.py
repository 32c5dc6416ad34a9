"""Reads single values in every form that a tap or warehouse gives them.

Booleans as text or 0/1, timestamps as ISO 8601 text or epoch numbers, ids as text or
numbers, and objects or arrays as JSON text.
"""

from __future__ import annotations

import typing as t
from datetime import UTC, datetime
from decimal import Decimal

from target_amplitude_nami.nami import jsontext

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 24 * 60 * 60 * 1000
_FIRST_MILLISECONDS = 10**11
"""Epoch numbers from here on are milliseconds: as seconds they lie beyond year 5138."""
_BEYOND_ANY_TIME = 10**18

# "1.0" is how data frames write a flag that some of their rows lack.
_TRUE = frozenset({"true", "t", "1", "1.0", "yes", "y", "on"})
_FALSE = frozenset({"false", "f", "0", "0.0", "no", "n", "off"})

NO_ID: t.Final = "nami_device_id_not_set"
"""What Nami writes where a device has no id."""
_LONGEST_SHOWN = 60


class UnreadableRecordError(Exception):
    """A record that is meant for Nami but cannot be understood.

    `reason` is a stable code, `field` the Nami field, `detail` a sentence for people;
    `event_type` is there where the record told it.
    """

    def __init__(self, reason: str, field: str, detail: str) -> None:
        """Say what is wrong (`reason`, `detail`) and where (`field`)."""
        super().__init__(detail)
        self.reason = reason
        self.field = field
        self.detail = detail
        self.event_type: str | None = None


def epoch_ms(value: object, field: str) -> int:
    """Return a timestamp as integer milliseconds since 1970, fractions cut off.

    Takes ISO 8601 text (`Z`, offset or no zone, which means UTC; `T` or a space),
    epoch seconds or milliseconds as a number or digits in text, `/Date(ms)/`, and the
    moment that a stream map has made.

    Raises:
        UnreadableRecordError: For anything else (`time_unreadable`).
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return _odd_epoch_ms(value, field)
        # "20240529" reads as a date, but is seconds here.
        if value[4] != "-" and _is_number(value):
            return _number_to_ms(Decimal(value), field)
        if moment.tzinfo is None:
            return _moment_to_ms(moment)
        since = moment - _EPOCH
        return since.days * _DAY + since.seconds * 1000 + since.microseconds // 1000
    if isinstance(value, datetime):
        return _moment_to_ms(value)
    if isinstance(value, bool):
        raise _unreadable_time(value, field)
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, int | Decimal):
        return _number_to_ms(Decimal(value), field)
    raise _unreadable_time(value, field)


def _odd_epoch_ms(text: str, field: str) -> int:
    usual = text.strip().upper()
    if usual.startswith("/DATE(") and usual.endswith(")/"):
        usual = usual[6:-2].partition("+")[0].partition("-")[0]
    elif usual.endswith(" UTC"):  # BigQuery's text form
        usual = usual.removesuffix(" UTC") + "Z"
    elif usual[-6:-4] in {" +", " -"}:  # Snowflake's text form
        usual = usual[:-6] + usual[-5:]
    if _is_number(usual):
        return _number_to_ms(Decimal(usual), field)
    try:
        return _moment_to_ms(datetime.fromisoformat(usual))
    except ValueError:
        raise _unreadable_time(text, field) from None


def _moment_to_ms(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment - _EPOCH
    return since.days * _DAY + since.seconds * 1000 + since.microseconds // 1000


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal() and text.isascii()


def _number_to_ms(number: Decimal, field: str) -> int:
    if not number.is_finite() or number.copy_abs() >= _BEYOND_ANY_TIME:
        raise _unreadable_time(number, field)
    if number.copy_abs() < _FIRST_MILLISECONDS:
        number *= 1000
    return int(number // 1)


def _unreadable_time(value: object, field: str) -> UnreadableRecordError:
    return UnreadableRecordError(
        "time_unreadable",
        field,
        f"{field} is {shown(value)}, which is neither an ISO 8601 timestamp nor "
        f"epoch seconds or milliseconds",
    )


def boolean(value: object, field: str) -> bool | None:
    """Return a flag given as boolean, 0/1 or text; None where there is none.

    Raises:
        UnreadableRecordError: For anything else (`not_a_boolean`).
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
    raise UnreadableRecordError(
        "not_a_boolean", field, f"{field} is {shown(value)}, which is no boolean"
    )


def identifier(value: object, field: str) -> str | None:
    """Return an id as text: whole numbers without `.0`, placeholders as None.

    Raises:
        UnreadableRecordError: For a boolean, an object or a fraction (`not_an_id`).
    """
    if isinstance(value, str):
        return None if not value or value == NO_ID else value
    if value is None:
        return None
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if number.is_finite() and number == number.to_integral_value():
            return str(int(number))
    raise UnreadableRecordError(
        "not_an_id",
        field,
        f"{field} is {shown(value)}; an id is text or a whole number",
    )


def array(value: object, field: str) -> list[t.Any] | None:
    """Return an array given as such or as JSON text; None where there is none.

    A single object stands for an array of one.

    Raises:
        UnreadableRecordError: For text that is no JSON (`not_json`), or a value that
            is no array (`not_an_array`).
    """
    if isinstance(value, str):
        value = json_text(value, field)
    if value is None or isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    raise UnreadableRecordError(
        "not_an_array", field, f"{field} is {shown(value)} and should be an array"
    )


def mapping(value: object, field: str) -> dict[str, t.Any] | None:
    """Return an object given as such or as JSON text; None where there is none.

    Raises:
        UnreadableRecordError: For text that is no JSON (`not_json`), or a value that
            is no object (`not_an_object`).
    """
    if isinstance(value, str):
        value = json_text(value, field)
    if value is None or isinstance(value, dict):
        return value
    raise UnreadableRecordError(
        "not_an_object", field, f"{field} is {shown(value)} and should be an object"
    )


def json_text(text: str, field: str) -> t.Any:
    """Return what JSON text says; None for empty text.

    Raises:
        UnreadableRecordError: For text that is no JSON (`not_json`).
    """
    if not text.strip():
        return None
    try:
        return jsontext.decode(text)
    except ValueError as error:
        raise UnreadableRecordError(
            "not_json", field, f"{field} holds text that is not JSON: {error}"
        ) from error


def shown(value: object) -> str:
    """Return a value for a message: quoted, and short whatever its length."""
    text = f"{value}"
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]}…"
    return f"'{text}'"
