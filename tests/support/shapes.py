"""One record in every shape that a tap or a warehouse may give it.

Each shape is a function from a record in Nami's own nested form, and knows nothing of
how the target reads it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import simplejson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Record: TypeAlias = dict[str, Any]
Shape: TypeAlias = "Callable[[Record], Record]"

_STATE = ("active_entitlements", "customer_journey_state", "devices", "external_ids")
_METADATA = {
    "_sdc_extracted_at": "2024-05-29T01:00:00Z",
    "_sdc_sequence": 1716944400000,
    "_sdc_deleted_at": None,
}
_AMPLITUDES_FLAGS = (
    "former_subscriber",
    "in_grace_period",
    "in_trial_period",
    "in_intro_offer_period",
)


def json_text(value: object) -> str:
    """Write JSON as a warehouse keeps it in a text column, numbers exactly."""
    text: str = simplejson.dumps(value, use_decimal=True, allow_nan=True)
    return text


def nested(record: Record) -> Record:
    """Leave a record as Nami sends it."""
    return dict(record)


def json_columns(record: Record) -> Record:
    """Write objects and arrays as JSON text."""
    return {
        name: json_text(value) if isinstance(value, dict | list) else value
        for name, value in record.items()
    }


def flattened(record: Record) -> Record:
    """Give each part of an object a column of its own, as the SDK does."""
    return json_columns({"__".join(path): value for path, value in _leaves(record)})


def _leaves(value: Record) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, member in value.items():
        if isinstance(member, dict):
            for path, leaf in _leaves(member):
                yield (name, *path), leaf
        else:
            yield (name,), member


def upper_case(record: Record) -> Record:
    """Name columns as Snowflake does."""
    return {name.upper(): value for name, value in record.items()}


def with_metadata(record: Record) -> Record:
    """Add columns that taps and targets add."""
    return record | _METADATA


def ready_made(record: Record) -> Record:
    """Make the columns of a user dimension, as dbt models have them."""
    row = {name: value for name, value in record.items() if name not in _STATE}
    entitlements = record.get("active_entitlements")
    devices = record.get("devices")
    columns = {
        "active_entitlements": _members(entitlements, "entitlement_ref_id"),
        "active_skus": _members(entitlements, "sku_ref_id"),
        "device_ids": _members(devices, "id"),
        "device_platforms": _members(
            devices and [device["platform"] for device in devices], "id"
        ),
    } | {
        flag: (record.get("customer_journey_state") or {}).get(flag)
        for flag in _AMPLITUDES_FLAGS
    }
    for entry in record.get("external_ids") or ():
        if entry["key"] == "external_id":
            row["external_id"] = entry["value"]
    return row | {f"namiml_{name}": value for name, value in columns.items()}


def _members(items: list[Record] | None, name: str) -> list[Any] | None:
    if items is None:
        return None
    members = [item[name] for item in items if item.get(name) is not None]
    return members if members or not items else None


def in_payload(record: Record, column: str) -> Record:
    """Put the whole webhook into one column of a landing table."""
    envelope = {"received_at": "2024-05-29T00:57:13Z", "source": "nami", column: record}
    if record.get("id") is not None:
        envelope["event_id"] = record["id"]
    return envelope


def envelope_beside_payload(record: Record) -> Record:
    """Put a webhook into a payload, but the parts that all have beside it."""
    if "event_type" not in record:
        return in_payload(record, "payload")
    beside: Record = {
        name: record[name] for name in ("user_id", "created_date") if name in record
    }
    if "id" in record:
        beside["event_id"] = record["id"]
    kept = {"id", "user_id", "created_date"}
    body = {name: value for name, value in record.items() if name not in kept}
    return beside | {"payload": body}


# Containers as file formats and warehouses write them

ARRAYS: Final = ("active_entitlements", "devices", "external_ids")
CONTAINERS: Final = (*ARRAYS, "customer_journey_state")


def of_arrays(write: Callable[[list[Any]], Any]) -> Shape:
    """Make the shape in which arrays are written so, and all else is as it was."""
    return lambda record: {
        name: write(value) if name in ARRAYS and isinstance(value, list) else value
        for name, value in record.items()
    }


def of_containers(write: Callable[[Any], Any]) -> Shape:
    """Make the shape in which containers are written so, and all else is as it was."""
    return lambda record: {
        name: write(value) if name in CONTAINERS else value
        for name, value in record.items()
    }


def with_keys(write: Callable[[str], str]) -> Callable[[Any], Any]:
    """Write the keys of objects, at every level."""

    def written(value: Any) -> Any:
        if isinstance(value, dict):
            return {write(name): written(member) for name, member in value.items()}
        return [written(item) for item in value] if isinstance(value, list) else value

    return written


def camel_case(name: str) -> str:
    """Write a name as JavaScript does."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def as_map(value: Record) -> Record:
    """Write an object as Parquet and Avro write a map."""
    pairs = [{"key": name, "value": member} for name, member in value.items()]
    return {"key_value": pairs}


def typed(value: Any) -> Any:
    """Write a value as DynamoDB types its attributes."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | float() | Decimal():
            return {"N": json_text(value)}
        case str():
            return {"S": value}
        case list():
            return {"L": [typed(item) for item in value]}
        case _:
            return {"M": {name: typed(member) for name, member in value.items()}}


def typed_row(record: Record) -> Record:
    """Write a whole row as DynamoDB does."""
    return {name: typed(value) for name, value in record.items()}


ARRAY_FORMS: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "list of element": lambda items: {"list": [{"element": item} for item in items]},
    "item": lambda items: [{"item": item} for item in items],
    "v": lambda items: [{"v": item} for item in items],
    "JSON texts": lambda items: [json_text(item) for item in items],
    "page of results": lambda items: {"count": len(items), "results": items},
    "numbered": lambda items: {str(n): item for n, item in enumerate(items)} or items,
    "maps": lambda items: [
        as_map(item) if isinstance(item, dict) else item for item in items
    ],
}
"""What may become of an array."""

FORMATS: Final[dict[str, Callable[[Any], Any]]] = {
    "text": json_text,
    "text within text": lambda value: json_text(json_text(value)),
    "UPPER CASE keys": with_keys(str.upper),
    "camelCase keys": with_keys(camel_case),
    "typed": typed,
}
"""What may become of any container."""


def log_based(record: Record) -> Record:
    """Add what log-based replication adds to a row that is there."""
    return record | {
        "_sdc_deleted_at": None,
        "_sdc_lsn": 24_000_120,
        "_fivetran_synced": "2024-05-29T01:00:00.123Z",
        "_fivetran_deleted": False,
        "_ab_cdc_lsn": 24_000_120,
        "_ab_cdc_deleted_at": None,
        "_airbyte_extracted_at": "2024-05-29T01:00:00Z",
        "_airbyte_meta": {"changes": []},
        "_dlt_load_id": "1716944400.5",
        "__deleted": "false",
    }


# Rows as one kind of source writes them, all at once

TIME_FIELDS: Final = (
    "created_date",
    "updated_at",
    "purchase_date",
    "original_purchase_date",
    "start_time",
    "end_time",
    "canceled_at",
    "expires_at",
)
"""The fields of Nami that are times."""


def _with_times(record: Record, write: Callable[[datetime], Any]) -> Record:
    return {
        name: write(datetime.fromisoformat(value))
        if name in TIME_FIELDS and isinstance(value, str)
        else value
        for name, value in record.items()
    }


def csv_row(record: Record) -> Record:
    """Write a record as a tap reads it from a CSV file: an empty cell for nothing."""
    return {
        name: value if isinstance(value, str) else json_text(value)
        for name, value in record.items()
    } | {name: "" for name, value in record.items() if value is None}


def parquet_row(record: Record) -> Record:
    """Write a record as a reader of Parquet: lists, a map, times in microseconds."""
    row = of_arrays(ARRAY_FORMS["list of element"])(record)
    journey = row.get("customer_journey_state")
    if journey is not None:
        row["customer_journey_state"] = as_map(journey)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return _with_times(row, lambda time: (time - epoch) // timedelta(microseconds=1))


def snowflake_row(record: Record) -> Record:
    """Write a record as Snowflake: VARIANT texts with keys of `OBJECT_CONSTRUCT`."""
    row = of_containers(with_keys(str.upper))(record)
    row = _with_times(
        row,
        lambda time: (
            f"{time.replace(tzinfo=None).isoformat(' ', 'milliseconds')} +0000"
        ),
    )
    return upper_case(json_columns(row))


def log_based_row(record: Record) -> Record:
    """Write a record as log-based replication of a table with JSON columns."""
    return log_based(json_columns(record))


SOURCES: Final[dict[str, Shape]] = {
    "CSV": csv_row,
    "Parquet": parquet_row,
    "DynamoDB": typed_row,
    "Snowflake": snowflake_row,
    "log-based replication": log_based_row,
}
"""Rows of one kind of source."""


SHAPES: Final[dict[str, Shape]] = {
    "nested": nested,
    "JSON text in columns": json_columns,
    "a__b columns": flattened,
    "UPPER CASE columns": upper_case,
    "UPPER CASE columns of JSON text": lambda record: upper_case(json_columns(record)),
    "UPPER CASE A__B columns with metadata": lambda record: upper_case(
        with_metadata(flattened(record))
    ),
    "metadata beside": with_metadata,
    "ready-made columns": ready_made,
    "ready-made columns of JSON text, upper case": lambda record: upper_case(
        json_columns(ready_made(record))
    ),
    "object in payload": lambda record: in_payload(record, "payload"),
    "object in data": lambda record: in_payload(record, "data"),
    "text in payload": lambda record: json_columns(in_payload(record, "payload")),
    "text in body": lambda record: json_columns(in_payload(record, "body")),
    "text in DATA": lambda record: upper_case(
        json_columns(with_metadata(in_payload(record, "data")))
    ),
    "a__b columns in payload": lambda record: json_columns(
        in_payload(flattened(record), "payload")
    ),
    "payload__a columns": lambda record: flattened(in_payload(record, "payload")),
    "PAYLOAD__A columns": lambda record: upper_case(
        flattened(in_payload(record, "payload"))
    ),
    "envelope beside payload": envelope_beside_payload,
    "envelope beside text": lambda record: json_columns(
        envelope_beside_payload(record)
    ),
    **{name: of_arrays(write) for name, write in ARRAY_FORMS.items()},
    **{name: of_containers(write) for name, write in FORMATS.items()},
    "object in message": lambda record: in_payload(record, "message"),
    "text in _airbyte_data": lambda record: json_columns(
        in_payload(record, "_airbyte_data")
    ),
    "text within text in document": lambda record: json_columns(
        {
            name: json_text(value) if name == "document" else value
            for name, value in in_payload(record, "document").items()
        }
    ),
    "typed row": typed_row,
    "typed row in document": lambda record: in_payload(typed_row(record), "document"),
    "log-based": log_based,
    "LOG-BASED in upper case": lambda record: upper_case(log_based(record)),
}
"""What may become of the columns."""


# Forms of single values


def _with_time(record: Record, write: Callable[[datetime], Any]) -> Record:
    changed = dict(record)
    for name in ("created_date", "updated_at"):
        if isinstance(record.get(name), str):
            moment = datetime.fromisoformat(record[name])
            # What lies below a millisecond is not sent, and not every form has it.
            changed[name] = write(
                moment.replace(microsecond=moment.microsecond // 1000 * 1000)
            )
    return changed


def _ms(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


_ABROAD = timezone(timedelta(hours=-9, minutes=-30))

TIMES: Final[dict[str, Callable[[datetime], Any]]] = {
    "Z": lambda moment: moment.isoformat().replace("+00:00", "Z"),
    "+00:00": lambda moment: moment.isoformat(timespec="microseconds"),
    "-09:30": lambda moment: moment.astimezone(_ABROAD).isoformat(),
    "no zone": lambda moment: moment.replace(tzinfo=None).isoformat(),
    "a space": lambda moment: moment.replace(tzinfo=None).isoformat(" "),
    "a space and +00": lambda moment: moment.isoformat(" ").removesuffix(":00"),
    "a space and UTC": lambda moment: (
        f"{moment.replace(tzinfo=None).isoformat(' ')} UTC"
    ),
    "a space and +0000": lambda moment: (
        f"{moment.replace(tzinfo=None).isoformat(' ', 'milliseconds')} +0000"
    ),
    "seconds": lambda moment: Decimal(_ms(moment)) / 1000,
    "seconds as text": lambda moment: str(Decimal(_ms(moment)) / 1000),
    "milliseconds": _ms,
    "milliseconds as text": lambda moment: str(_ms(moment)),
    "/Date()/": lambda moment: f"/Date({_ms(moment)}+0000)/",
}
"""What may become of a timestamp."""

BOOLEANS: Final[dict[str, tuple[object, object]]] = {
    "true": ("true", "false"),
    "TRUE": ("TRUE", "FALSE"),
    "t": ("t", "f"),
    "1": (1, 0),
    "1 as text": ("1", "0"),
    "1.0": (Decimal("1.0"), Decimal("0.0")),
}
"""What may become of true and false."""


def _with_flags(record: Record, form: tuple[object, object]) -> Record:
    state = record.get("customer_journey_state")
    if state is None:
        return dict(record)
    true, false = form
    flags = {
        flag: value if value is None else (true if value else false)
        for flag, value in state.items()
    }
    return record | {"customer_journey_state": flags}


def _time_form(write: Callable[[datetime], Any]) -> Shape:
    return lambda record: _with_time(record, write)


def _boolean_form(form: tuple[object, object]) -> Shape:
    return lambda record: _with_flags(record, form)


FORMS: Final[dict[str, Shape]] = (
    {"as they came": nested}
    | {f"time: {name}": _time_form(write) for name, write in TIMES.items()}
    | {f"flags: {name}": _boolean_form(form) for name, form in BOOLEANS.items()}
)
"""What may become of single values."""
