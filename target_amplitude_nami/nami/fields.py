"""Finds the field that a column's name means, whatever its spelling.

`CUSTOMER_JOURNEY_STATE__IN_PAUSE` is member `in_pause` of `customer_journey_state`;
columns that taps and loaders add (`_sdc_*`, `_fivetran_*`) are no fields.
"""

from __future__ import annotations

import re
import typing as t

from target_amplitude_nami.nami import container_keys
from target_amplitude_nami.nami.deleted import MARKS
from target_amplitude_nami.nami.names import folded
from target_amplitude_nami.nami.state import READY_MADE_COLUMNS

FIELDS: t.Final = (
    "id",
    "event_id",
    "event_type",
    "created_date",
    "updated_at",
    "user_id",
    "external_id",
    "external_ids",
    "device_id",
    "devices",
    "active_entitlements",
    "customer_journey_state",
)
"""Fields that the reader itself understands, under any spelling: `createdDate`,
`EVENTTYPE`."""

_ALIASES = {"namiml_user_id": "user_id", "nami_user_id": "user_id"}

_CAMEL_CASE = (
    "campaignId",
    "campaignName",
    "campaignType",
    "campaignLabel",
    "campaignUrl",
    "paywallId",
    "paywallName",
    "segmentId",
    "externalSegmentId",
    "deeplinkUrl",
    "timeSpentOnPaywall",
    "skuId",
)
"""Fields that Nami's SDKs spell so, which an UPPER CASE column does not show."""

_READY_MADE = "namiml_"

_LOADERS = ("_sdc_", "_fivetran_", "_airbyte_", "_ab_", "_dlt_")
"""How columns begin that taps and loaders add: when and how a row was loaded."""
_RAW_RECORD = "_airbyte_data"
"""The exception: the whole record, as Airbyte lands it."""

_INDEXED = re.compile(
    r"(external_?ids|active_?entitlements|devices)(?:__|[._\[])(\d+)\]?(?:(?:__|[._])(.+))?",
    re.IGNORECASE,
)
"""A part of one member of an array in a column of its own: `devices__0__id`."""
_DOCUMENTED = frozenset({"deviceswithaccess"})
"""Properties of Nami's own that begin like a container."""

_MOST_PARTS: t.Final = 50
"""A name of more parts is one column: Amplitude takes objects of 40 levels."""

_FIELD_OF = {folded(name): name for name in (*FIELDS, *sorted(READY_MADE_COLUMNS))}
_CONTAINER_OF = {folded(name): name for name in container_keys.CONTAINERS}
_CAMEL_CASE_OF = {name.lower(): name for name in _CAMEL_CASE}


def split(column: str, separator: str) -> tuple[str, ...]:
    """Return the field of a column, and the members within it that it leads to.

    Args:
        column: Its name.
        separator: What stands between the parts of a flattened column's name.

    Returns:
        One empty text for metadata.
    """
    column = column.removeprefix("\ufeff")  # of a file, before its first column
    lower = column.strip().lower()
    if lower in MARKS or (
        lower.startswith(_LOADERS) and not lower.startswith(_RAW_RECORD)
    ):
        return ("",)
    if flag := container_keys.flag_of(column):
        return ("customer_journey_state", flag)
    if indexed := _INDEXED.fullmatch(column):
        name, number, rest = indexed.groups()
        rest = rest.lower() if column == column.upper() and rest else rest
        parts = re.split(r"__|\.", rest, maxsplit=_MOST_PARTS) if rest else []
        return (_field(name), number, *parts)
    is_upper = column == column.upper()
    name = column.lower() if is_upper else column
    parts = name.split(separator)
    if not all(parts) or len(parts) > _MOST_PARTS:
        parts = [name]
    if is_upper:
        parts = [_CAMEL_CASE_OF.get(part, part) for part in parts]
    field = _field(parts[0])
    if (
        len(parts) > 1
        and field in container_keys.CONTAINERS
        and not container_keys.is_part(field, parts[1])
    ):
        return (name,)
    return (field, *parts[1:])


def _field(name: str) -> str:
    if name in _ALIASES:
        return _ALIASES[name]
    return _FIELD_OF.get(folded(name), name)


def is_misfit(name: str) -> bool:
    """Return whether a field begins like a container and is none of its known parts."""
    like = folded(name)
    return (
        like.startswith(tuple(_CONTAINER_OF))
        and like not in _CONTAINER_OF
        and like not in _DOCUMENTED
    )
