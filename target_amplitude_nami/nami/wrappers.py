"""Opens what file formats and warehouses put around a value.

JSON text, also of JSON text; `{"list": [{"element": …}]}` of Parquet; `{"v": …}` of
BigQuery; `{"key_value": […]}` of maps; DynamoDB's typed attributes; a page of results
of Nami's REST API.
"""

from __future__ import annotations

import typing as t

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import values
from target_amplitude_nami.nami.container_keys import (
    KIND_BY_FOLDED,
    TYPE_TAGS,
    USED,
    USED_BY_FOLDED,
    WRAPPERS,
)
from target_amplitude_nami.nami.names import folded, known_members
from target_amplitude_nami.nami.values import not_understood

if t.TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_WRAPPERS: t.Final = 16
"""More layers around one value than any pipeline of formats puts there."""
_PAGE: t.Final = {
    "results": "results",
    "count": "count",
    "next": "next",
    "previous": "previous",
    "totalpages": "total_pages",
}
"""How Nami's API gives a list: a page of it, and whether there are more (Nami SDKs)."""
PAIR: t.Final = 2


def opened(value: object, field: str) -> object:
    """Return the value inside its wrappers; None for null and for blank text.

    Raises:
        UnreadableRecord: For text that is no JSON (`not_json`), and for one page
            of several or too many wrappers (`not_understood`).
    """
    pages: list[dict[str, t.Any]] = []
    for _ in range(_MOST_WRAPPERS):
        if isinstance(value, str):
            inner = values.json_text(value, field)
        else:
            inner = opened_wrapper(value)
        if inner is value:
            for page in pages:
                _expect_all_pages(page, value, field)
            return value
        if isinstance(value, dict) and len(value) > 1:
            pages.append(known_members(value, _PAGE))
            if known_members(value, USED_BY_FOLDED.get(field, {})):
                raise not_understood(
                    field, f"has results beside {values.shown_keys(value)}"
                )
        value = inner
    raise not_understood(field, "has too many wrappers around it")


def opened_wrapper(value: object) -> object:
    """Return the value inside one wrapper, or the value itself where there is none."""
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(key, inner)] = value.items()
        if key in TYPE_TAGS:
            return _untagged(key, inner)
        if folded(str(key)) in WRAPPERS:
            return inner
    results = known_members(value, _PAGE).get("results")
    if isinstance(results, dict | list | str):
        return results
    if value and all(str(key).isdecimal() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return value


def text_inside(value: object, field: str) -> object:
    """Return the text that JSON text, or a single wrapper, has inside.

    Raises:
        UnreadableRecord: For text in quotes that is no JSON (`not_json`).
    """
    while True:
        if isinstance(value, str):
            value = value.strip(values.PADDING)
            inner = values.json_text(value, field) if value[:1] == '"' else None
        elif isinstance(value, dict) and len(value) == 1:
            inner = opened_wrapper(value)
        else:
            return value
        if not isinstance(inner, str):
            return value
        value = inner


def single(member: object) -> t.Any:
    """Return a single value, which may have a wrapper, or be JSON text of a text."""
    value = _scalar(opened_wrapper(member))
    if isinstance(value, str) and value[:1] == value[-1:] == '"':
        try:
            return jsontext.decode(value)
        except ValueError:
            pass
    return value


def pairs_as_object(items: list[t.Any]) -> dict[str, t.Any] | None:
    """Return a map that is written as a list of keys and values, or None."""
    members: dict[str, t.Any] = {}
    for item in items:
        pair = opened_wrapper(item)
        if isinstance(pair, dict):
            known = known_members(pair, USED_BY_FOLDED["external_ids"])
            if len(pair) > len(USED["external_ids"]) or "key" not in known:
                return None
            key, value = _scalar(known["key"]), known.get("value")
        elif isinstance(pair, list) and len(pair) == PAIR:
            key, value = pair
        else:
            return None
        if not isinstance(key, str) or key in members:
            return None
        members[key] = value
    return members or None


# Pages of Nami's REST API


def _expect_all_pages(page: Mapping[str, t.Any], results: object, field: str) -> None:
    """Refuse one page of several."""
    there = len(results) if isinstance(results, list) else 1
    count, pages = (_whole_number(page.get(name)) for name in ("count", "total_pages"))
    if count is not None and count > there and not _is_map_of(results, count):
        raise not_understood(field, f"has {there} of {count} results")
    if pages is not None and pages > 1:
        raise not_understood(field, f"is one page of {pages}")
    for name in ("next", "previous"):
        if _scalar(page.get(name)) not in {None, "", False}:
            raise not_understood(field, f"has a {name} page that is not there")


def _is_map_of(results: object, count: int) -> bool:
    """Return whether an object may be the results themselves, by key."""
    return (
        isinstance(results, dict)
        and any(folded(str(key)) in KIND_BY_FOLDED for key in results)
        and len(results) >= count
    )


def _whole_number(value: object) -> int | None:
    try:
        return int(values.identifier(_scalar(value), "") or "")
    except (ValueError, UnreadableRecord):
        return None


# DynamoDB's attributes


def is_typed(value: object) -> bool:
    """Return whether a value is an attribute as DynamoDB types them."""
    return (
        isinstance(value, dict) and len(value) == 1 and not TYPE_TAGS.isdisjoint(value)
    )


def untyped(value: t.Any) -> t.Any:
    """Return a value of DynamoDB without the type tags at every level."""
    if isinstance(value, dict):
        if len(value) == 1:
            [(tag, inner)] = value.items()
            if tag in TYPE_TAGS:
                return untyped(_untagged(tag, inner))
        return {name: untyped(member) for name, member in value.items()}
    if isinstance(value, list):
        return [untyped(member) for member in value]
    return value


def without_types(fields: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a record's fields without DynamoDB's types, where it has them."""
    marks = (fields.get("event_type"), fields.get("user_id"), fields.get("id"))
    if dict not in map(type, marks) or not any(map(is_typed, marks)):
        return fields
    plain = {name: untyped(value) for name, value in fields.items()}
    return {name: value for name, value in plain.items() if value is not None}


def _untagged(tag: str, value: t.Any) -> t.Any:
    """Return the value of a DynamoDB attribute; what does not fit its tag as it is."""
    if tag == "NULL":
        return None
    if tag in {"N", "NS"} and isinstance(value, list):
        return [_untagged("N", number) for number in value]
    if tag == "N" and isinstance(value, str):
        try:
            return jsontext.decode(value)
        except ValueError:
            return value
    return value


def _scalar(value: t.Any) -> t.Any:
    """Return a single value without the type that DynamoDB puts around it."""
    return untyped(value) if is_typed(value) else value
