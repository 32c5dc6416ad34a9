"""Describes the shape of a record: which of its columns mean something, and how."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from target_amplitude_nami.nami.columns import Columns
from target_amplitude_nami.nami.container_keys import CONTAINERS
from target_amplitude_nami.nami.fields import FIELDS
from target_amplitude_nami.nami.lost_webhooks import object_in
from target_amplitude_nami.nami.payloads import USUAL_COLUMNS
from target_amplitude_nami.nami.state import READY_MADE_COLUMNS

if t.TYPE_CHECKING:
    from collections.abc import Mapping

NESTED: t.Final = "nested objects"
JSON_TEXT: t.Final = "JSON text in columns"
FLATTENED: t.Final = "flattened columns"
SPELLING: t.Final = "columns in another spelling"
READY_MADE: t.Final = "ready-made namiml_ columns"

_OF_USERS_ALONE: t.Final = frozenset({"updated_at"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What was found of a record's columns."""

    forms: tuple[str, ...]
    """How Nami's fields are written, in words."""
    fields: Mapping[str, str]
    """The field that each column belongs to; empty for a loader's own columns."""
    used: frozenset[str]
    """The columns that the reader itself understands: ids, times, state, webhooks."""


def shape_of(
    record: Mapping[str, t.Any], *, separator: str = "__", is_user: bool = False
) -> Shape:
    """Return the shape of a record that was understood.

    Args:
        record: Plain JSON data.
        separator: What stands between the parts of a flattened column's name.
        is_user: Whether it is a user record.
    """
    columns = Columns(separator)
    fields = {column: columns.head(column) for column in record}
    forms: dict[str, None] = {}
    used: set[str] = set()
    has_type = "event_type" in fields.values()
    for column, field in fields.items():
        value = record[column]
        if not field or value is None:
            continue
        if field in READY_MADE_COLUMNS or column.lower().startswith("namiml_"):
            forms[READY_MADE] = None
            used.add(column)
        elif field in FIELDS:
            if field in _OF_USERS_ALONE and not is_user:
                continue
            used.add(column)
            if form := _form_of(field, column, value, separator):
                forms[form] = None
        elif _is_webhook(field, value, has_type=has_type):
            forms[f"the whole webhook in column {column}"] = None
            used.add(column)
    return Shape(tuple(forms), fields, frozenset(used))


def _form_of(field: str, column: str, value: object, separator: str) -> str | None:
    if field in CONTAINERS:
        if separator in column or "." in column or column.lower() != field:
            return FLATTENED
        return JSON_TEXT if isinstance(value, str) else NESTED
    return None if column in {field, "id"} else SPELLING


def _is_webhook(field: str, value: object, *, has_type: bool) -> bool:
    if field.lower() not in USUAL_COLUMNS and has_type:
        return False
    body = object_in(value) if isinstance(value, str | dict) else None
    return bool(body) and "event_type" in {str(key).lower() for key in body or {}}
