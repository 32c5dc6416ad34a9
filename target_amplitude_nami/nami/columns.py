"""Arranges a record's columns as Nami's fields, whatever their spelling.

`CUSTOMER_JOURNEY_STATE__IN_PAUSE` becomes member `in_pause` of
`customer_journey_state`; columns that taps and loaders add (`_sdc_*`, `_fivetran_*`)
fall away.
"""

from __future__ import annotations

import re
import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.nami import containers
from target_amplitude_nami.nami.containers import folded
from target_amplitude_nami.nami.deleted import MARKS
from target_amplitude_nami.nami.state import READY_MADE_COLUMNS

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

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
"""Fields that Nami's SDKs spell so, as an UPPER CASE warehouse cannot tell."""

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

_MOST_COLUMNS = 10_000
"""Names remembered at a time: records may have names that never come again."""

_OPENINGS = frozenset({"{", "["})
_BRACE, _BRACKET = b"{["
_NULL, _EMPTY_OBJECT = b"\xc0\x80"
"""In MessagePack."""

_packer = msgspec.msgpack.Encoder()
_json_encoder = msgspec.json.Encoder()

_FIELD_OF = {folded(name): name for name in (*FIELDS, *sorted(READY_MADE_COLUMNS))}
_CONTAINER_OF = {folded(name): name for name in containers.CONTAINERS}
_CAMEL_CASE_OF = {name.lower(): name for name in _CAMEL_CASE}

_Way: t.TypeAlias = tuple[str, ...]
"""The objects, from the outermost in, that a column's value lies in."""


class Columns:
    """The names of one stream's columns, each understood once."""

    def __init__(
        self, separator: str = "__", bodies: frozenset[str] = frozenset()
    ) -> None:
        """Take how to read names.

        Args:
            separator: What stands between the parts of a flattened column's name.
            bodies: Columns to look out for, since they may hold a whole record.
        """
        self._may_be_bodies = bodies
        self.bodies: set[str] = set()
        """Those of the columns to look out for that were met."""
        self.metadata: set[str] = set()
        """The columns met that taps and loaders have added."""
        self.misfits: set[str] = set()
        """The fields met whose names begin with a container's name, and that are not
        among its known parts."""
        self._separator = separator
        self._paths: dict[str, tuple[_Way, str]] = {}
        self._plain: set[str] = set()
        self.are_plain: Callable[[Iterable[str]], bool] = self._plain.issuperset
        """Whether a record's columns are known to be as Nami names them: none of them
        is part of a field, ready made, or a misfit. Metadata may be among them."""

    def head(self, column: str) -> str:
        """Return the field that a column belongs to; empty for metadata."""
        way, name = self._paths.get(column) or self._learn(column)
        return way[0] if way else name

    def arrange(self, record: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the record's fields without nulls, flattened ones nested again."""
        fields: dict[str, t.Any] = {}
        parts: list[tuple[_Way, str, t.Any]] = []
        parts_of_parts: list[tuple[_Way, str, t.Any]] = []
        places = self._paths
        for column, value in record.items():
            way, name = places.get(column) or self._learn(column)
            if value is None:
                continue
            if not way:
                if name in fields:
                    is_usual = column == name or (
                        column.lower() == name and name not in record
                    )
                    _merge(fields, name, value, is_usual=is_usual)
                elif name:
                    fields[name] = value
            elif len(way) == 1:
                parts.append((way, name, value))
            else:
                parts_of_parts.append((way, name, value))
        if parts or parts_of_parts:
            # Whole fields first, parts of parts last, whatever the columns' order.
            parts_of_parts.sort(key=_depth)
            self._nest(fields, parts + parts_of_parts)
        return fields

    def _nest(
        self, fields: dict[str, t.Any], parts: list[tuple[_Way, str, t.Any]]
    ) -> None:
        """Put parts where they belong, beside what other columns have put there."""
        opened: dict[_Way, dict[str, t.Any]] = {}
        for way, name, value in parts:
            inner = opened.get(way)
            if inner is None:
                inner = _open(fields, way, opened)
            if inner is None:  # There is no place in what is no object.
                column = self._separator.join((*way, name))
                fields[column] = value
                if _is_misfit(column):
                    self.misfits.add(column)
            else:
                inner[name] = value

    def _learn(self, column: str) -> tuple[_Way, str]:
        if len(self._paths) >= _MOST_COLUMNS:
            self._paths.clear()
            self._plain.clear()
            self.metadata.clear()
            self.misfits.clear()
            self.bodies.clear()
        *way, name = self._split(column)
        self._paths[column] = place = (tuple(way), name)
        head = way[0] if way else name
        if head in self._may_be_bodies:
            self.bodies.add(head)
        if not name:
            self.metadata.add(column)
        if not way and _is_misfit(name):
            self.misfits.add(name)
        elif not name or (place == ((), column) and not column.startswith(_READY_MADE)):
            self._plain.add(column)
        return place

    def _split(self, column: str) -> tuple[str, ...]:
        column = column.removeprefix("\ufeff")  # of a file, before its first column
        lower = column.strip().lower()
        if lower in MARKS or (
            lower.startswith(_LOADERS) and not lower.startswith(_RAW_RECORD)
        ):
            return ("",)
        if flag := containers.flag_of(column):
            return ("customer_journey_state", flag)
        if indexed := _INDEXED.fullmatch(column):
            name, number, rest = indexed.groups()
            rest = rest.lower() if column == column.upper() and rest else rest
            parts = re.split(r"__|\.", rest) if rest else []
            return (_field(name), number, *parts)
        is_upper = column == column.upper()
        name = column.lower() if is_upper else column
        parts = name.split(self._separator)
        if not all(parts):
            parts = [name]
        if is_upper:
            parts = [_CAMEL_CASE_OF.get(part, part) for part in parts]
        field = _field(parts[0])
        if (
            len(parts) > 1
            and field in containers.CONTAINERS
            and not containers.is_part(field, parts[1])
        ):
            return (name,)
        return (field, *parts[1:])


def _field(name: str) -> str:
    if name in _ALIASES:
        return _ALIASES[name]
    return _FIELD_OF.get(folded(name), name)


def _is_misfit(name: str) -> bool:
    like = folded(name)
    return (
        like.startswith(tuple(_CONTAINER_OF))
        and like not in _CONTAINER_OF
        and like not in _DOCUMENTED
    )


def _merge(
    fields: dict[str, t.Any], name: str, value: t.Any, *, is_usual: bool
) -> None:
    """Merge another column of the same field.

    Something wins over nothing and the usual spelling over others (`id` over MongoDB's
    `_id`), whatever their order; for containers, the object or array wins over text.
    """
    known, told = _object(fields[name]), _object(value)
    if name in FIELDS and name not in containers.CONTAINERS:
        if (is_usual and not _is_blank(value)) or _is_blank(fields[name]):
            fields[name] = value
    elif known is not None and told is not None:
        fields[name] = known | told
    elif known is None and not isinstance(value, str):
        fields[name] = value


def _is_blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _object(value: t.Any) -> dict[str, t.Any] | None:
    if isinstance(value, str):
        value = plain_value(value)
    return value if isinstance(value, dict) else None


def _depth(part: tuple[_Way, str, t.Any]) -> int:
    return len(part[0])


def _open(
    fields: dict[str, t.Any], way: _Way, opened: dict[_Way, dict[str, t.Any]]
) -> dict[str, t.Any] | None:
    """Return the object at the end of a way, a copy that may be added to.

    Returns:
        None where something on the way is no object.
    """
    for depth, part in enumerate(way, 1):
        inner = opened.get(way[:depth])
        if inner is None:
            known = {} if fields.get(part) is None else _object(fields[part])
            if known is None:
                return None
            fields[part] = opened[way[:depth]] = inner = dict(known)
        fields = inner
    return fields


def plain_value(value: t.Any) -> t.Any:
    """Return a value as the nested shape of its record has it; None for nothing.

    Text that is a JSON object or array becomes that; members of objects that are null
    or empty objects fall away, as flattening loses them.
    """
    if isinstance(value, str):
        return _parsed(value) if value[:1] in _OPENINGS else value
    if isinstance(value, dict):
        members = {
            name: plain
            for name, member in value.items()
            if (plain := plain_value(member)) is not None
        }
        return members or None
    return value


def plain_members(members: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return an object's members as plain values, itself where they surely are.

    Packed as MessagePack, null and the empty object are bytes of their own, and text
    is itself; where these bytes are not, also not by chance, nothing has to change.
    """
    try:
        packed = _packer.encode(members)
        has_to_change = (
            _NULL in packed
            or _BRACE in packed
            or _BRACKET in packed
            # This byte is part of many characters, too, such as — and most emoji.
            or (_EMPTY_OBJECT in packed and b"{}" in _json_encoder.encode(members))
        )
    except (TypeError, OverflowError, UnicodeError, RecursionError):
        has_to_change = True
    return plain_value(members) or {} if has_to_change else members


def _parsed(text: str) -> t.Any:
    if text[-1:] not in {"}", "]"}:
        return text
    try:
        return plain_value(jsontext.decode(text))
    except ValueError:
        return text
