"""Arranges a record's columns as Nami's fields, whatever their spelling.

`CUSTOMER_JOURNEY_STATE__IN_PAUSE` becomes member `in_pause` of
`customer_journey_state`; columns of Singer's metadata (`_sdc_*`) fall away.
"""

from __future__ import annotations

import typing as t

from target_amplitude_nami.nami import jsontext

if t.TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = (
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
"""Fields that Nami's SDKs spell so, as an UPPER CASE warehouse cannot tell."""

_MOST_COLUMNS = 10_000
"""Names remembered at a time: records may have names that never come again."""

_FIELD_OF = {name.replace("_", ""): name for name in _FIELDS}
_CAMEL_CASE_OF = {name.lower(): name for name in _CAMEL_CASE}

_Path: t.TypeAlias = tuple[str, ...]


class Columns:
    """The names of one stream's columns, each understood once."""

    def __init__(self, separator: str = "__") -> None:
        """Take what stands between the parts of a flattened column's name."""
        self._separator = separator
        self._paths: dict[str, _Path] = {}

    def head(self, column: str) -> str:
        """Return the field that a column belongs to; empty for metadata."""
        path = self._paths.get(column) or self._learn(column)
        return path[0]

    def arrange(self, record: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the record's fields without nulls, flattened ones nested again."""
        fields: dict[str, t.Any] = {}
        nested: list[tuple[_Path, t.Any]] = []
        paths = self._paths
        for column, value in record.items():
            if value is None:
                continue
            path = paths.get(column) or self._learn(column)
            if len(path) == 1:
                name = path[0]
                if name in fields:
                    _merge(fields, name, value)
                elif name:
                    fields[name] = value
            else:
                nested.append((path, value))
        # Whole fields first and parts of parts last, whatever the columns' order.
        for path, value in sorted(nested, key=_depth):
            if not _nest(fields, path, value):
                fields[self._separator.join(path)] = value
        return fields

    def _learn(self, column: str) -> _Path:
        path = self._split(column)
        if len(self._paths) >= _MOST_COLUMNS:
            self._paths.clear()
        self._paths[column] = path
        return path

    def _split(self, column: str) -> _Path:
        if column.lower().startswith("_sdc_"):
            return ("",)
        is_upper = column == column.upper()
        name = column.lower() if is_upper else column
        parts = name.split(self._separator)
        if not all(parts):
            parts = [name]
        if is_upper:
            parts = [_CAMEL_CASE_OF.get(part, part) for part in parts]
        return (_field(parts[0]), *parts[1:])


def _field(name: str) -> str:
    if name in _ALIASES:
        return _ALIASES[name]
    return _FIELD_OF.get(name.replace("_", "").lower(), name)


def _merge(fields: dict[str, t.Any], name: str, value: t.Any) -> None:
    """Add what one more column tells of a field; the object or array wins over text."""
    known, told = _object(fields[name]), _object(value)
    if known is not None and told is not None:
        fields[name] = known | told
    elif known is None and not isinstance(value, str):
        fields[name] = value


def _object(value: t.Any) -> dict[str, t.Any] | None:
    if isinstance(value, str):
        value = plain_value(value)
    return value if isinstance(value, dict) else None


def _depth(nested: tuple[_Path, t.Any]) -> int:
    return len(nested[0])


def _nest(fields: dict[str, t.Any], path: _Path, value: object) -> bool:
    """Put a value where the path leads, beside what other columns have put there.

    Returns:
        Whether it has a place: there is none in what is no object.
    """
    for part in path[:-1]:
        known = fields.get(part)
        inner = {} if known is None else _object(known)
        if inner is None:
            return False
        fields[part] = dict(inner)
        fields = fields[part]
    fields[path[-1]] = value
    return True


def plain_value(value: t.Any) -> t.Any:
    """Return a value as the nested shape of its record has it; None for nothing.

    Text that is a JSON object or array becomes that; members of objects that are null
    or empty objects fall away, as flattening loses them.
    """
    if isinstance(value, str):
        return _parsed(value) if value[:1] in {"{", "["} else value
    if isinstance(value, dict):
        members = {
            name: plain
            for name, member in value.items()
            if (plain := plain_value(member)) is not None
        }
        return members or None
    return value


def _parsed(text: str) -> t.Any:
    if text[-1:] not in {"}", "]"}:
        return text
    try:
        return plain_value(jsontext.decode(text))
    except ValueError:
        return text
