"""Opens the objects and arrays of a record, in whatever form a format writes them.

Nami sends four containers: `external_ids`, `active_entitlements` and `devices` are
arrays of objects, `customer_journey_state` is an object of flags. File formats and
warehouses wrap them: JSON text, also of JSON text; `{"list": [{"element": …}]}` of
Parquet; `{"v": …}` of BigQuery; `{"key_value": […]}` of maps; DynamoDB's typed
attributes; keys in upper case or camel case. A container is understood or the record is
refused; nothing that it says about the user is dropped silently.
"""

from __future__ import annotations

import contextlib
import functools
import typing as t

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import values

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST_WRAPPERS: t.Final = 16
"""More layers around one value than any pipeline of formats puts there."""
_MOST_KEYS_SHOWN: t.Final = 8

FLAGS: t.Final = (
    "former_subscriber",
    "in_grace_period",
    "in_trial_period",
    "in_intro_offer_period",
    "in_account_hold",
    "in_pause",
    "is_cancelled",
)

_USED: t.Final = {
    "external_ids": ("key", "value"),
    "active_entitlements": (
        "entitlement_ref_id",
        "sku_ref_id",
        "expiration",
        "purchase_platform",
    ),
    "devices": ("id", "platform", "app_platform_id", "platform_id"),
    "customer_journey_state": FLAGS,
}
"""The keys of each container's members that the target uses."""

_UNUSED: t.Final = {
    "external_ids": ("type",),
    "active_entitlements": ("name", "description", "last_verified"),
    "devices": (),
    "customer_journey_state": (),
}
"""The other keys that Nami documents (Nami docs, "Event types")."""

CONTAINERS: t.Final = tuple(_USED)

_PLATFORM_KEYS: t.Final = ("id", "name", "platform_type", "marketplace_app_id")
_KINDS_OF_EXTERNAL_IDS: t.Final = ("external_id", "original_transaction_id")

_WRAPPERS: t.Final = frozenset(
    {"array", "arrayelement", "bag", "element", "item", "keyvalue", "list", "map", "v"}
)
"""Single keys that formats put around a list, around its elements, or around a map."""
_PAGE: t.Final = {
    "results": "results",
    "count": "count",
    "next": "next",
    "previous": "previous",
    "totalpages": "total_pages",
}
"""How Nami's API gives a list: a page of it, with what tells whether there are more."""
_PAIR: t.Final = 2
_TYPE_TAGS: t.Final = frozenset({"S", "N", "BOOL", "NULL", "L", "M", "SS", "NS"})
"""How DynamoDB types an attribute: `{"S": "text"}` (AWS docs, "AttributeValue")."""

_NO_SEPARATORS: t.Final = str.maketrans("", "", "_.- \t\r\n\v\f\u00a0\ufeff")


@functools.lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """Return a name without case and separators: `inPause` and `IN_PAUSE` are one."""
    return name.translate(_NO_SEPARATORS).lower()


def _by_folded_name(names: Iterable[str]) -> dict[str, str]:
    return {folded(name): name for name in names}


_USED_BY_FOLDED: t.Final = {
    field: _by_folded_name(names) for field, names in _USED.items()
}
_UNUSED_FOLDED: t.Final = {
    field: frozenset(map(folded, names)) for field, names in _UNUSED.items()
}
_PLATFORM_BY_FOLDED: t.Final = _by_folded_name(_PLATFORM_KEYS)
_KIND_BY_FOLDED: t.Final = _by_folded_name(_KINDS_OF_EXTERNAL_IDS)
_PARTS: t.Final = {
    field: frozenset(
        {folded(name) for name in (*_USED[field], *_UNUSED[field])}
        | (set(_KIND_BY_FOLDED) if field == "external_ids" else set())
        | _WRAPPERS
        | {"results"}
        | {tag.lower() for tag in _TYPE_TAGS}
    )
    for field in CONTAINERS
}


def is_part(field: str, name: str) -> bool:
    """Return whether a container has a part of this name, also as a format writes it.

    Args:
        field: The container.
        name: What follows it in the name of a flattened column.
    """
    return name.isdecimal() or folded(name) in _PARTS[field]


def flag_of(column: str) -> str | None:
    """Return the flag that a column is: `customer_journey_state_in_pause` and the like.

    Returns:
        None for any other column.
    """
    name = folded(column)
    prefix = "customerjourneystate"
    if not name.startswith(prefix):
        return None
    return _USED_BY_FOLDED["customer_journey_state"].get(name.removeprefix(prefix))


def is_external_id(key: str) -> bool:
    """Return whether an entry of `external_ids` has the External ID, by its key."""
    return folded(key) == "externalid"


# What a container holds


def members(value: object, field: str) -> list[dict[str, t.Any]] | None:
    """Return the members of a container, each with the keys that the target uses.

    A single object stands for an array of one. Members that are null, empty objects, or
    have nothing but other keys that Nami documents, say nothing beside others.

    Args:
        value: The container, in any form.
        field: Which one: `external_ids`, `active_entitlements` or `devices`.

    Returns:
        None where there is none.

    Raises:
        UnreadableRecord: For text that is no JSON (`not_json`), what is neither
            array nor object (`not_an_array`), and anything that is not understood
            (`not_understood`).
    """
    opened = _opened(value, field)
    if opened is None or opened == {}:
        return None
    if isinstance(opened, dict):
        opened = [opened]
    elif not isinstance(opened, list):
        raise UnreadableRecord(
            "not_an_array",
            field,
            f"{field} is {values.shown(value)} and should be an array",
        )
    pairs = _pairs(opened)
    if pairs is not None and _is_member(pairs, field):
        opened = [pairs]
    elif field == "external_ids":
        opened = _entries(opened)
    found = [_member(member, field) for member in opened]
    understood = [member for member in found if member is not None]
    if opened and not understood:
        raise _not_understood(
            field, f"has no member with any of {', '.join(_USED[field])}"
        )
    return understood


def _is_member(pairs: Mapping[str, t.Any], field: str) -> bool:
    """Return whether a map from key to value is a member, each of its keys one pair.

    That of `external_ids` may be all of them, too: `external_id` and the value.
    """
    return field != "external_ids" or bool(_known(pairs, _USED_BY_FOLDED[field]))


def flags(value: object) -> dict[str, t.Any] | None:
    """Return the flags of a `customer_journey_state`, each as it came.

    Raises:
        UnreadableRecord: For text that is no JSON (`not_json`), what is no object
            (`not_an_object`), and an object without any flag of Nami's
            (`not_understood`).
    """
    field = "customer_journey_state"
    opened = _opened(value, field)
    if opened is None:
        return None
    if opened == [] and isinstance(value, dict):
        return {}  # a map without a key
    told = _pairs(opened) if isinstance(opened, list) else opened
    if not isinstance(told, dict):
        raise UnreadableRecord(
            "not_an_object",
            field,
            f"{field} is {values.shown(value)} and should be an object",
        )
    known = _known(told, _USED_BY_FOLDED[field])
    if told and not known:
        raise _not_understood(field, f"has none of its flags, but {_keys_of(told)}")
    if len(told) > len(known) and any(map(_holds_flags, told.values())):
        raise _not_understood(field, f"has more beside its flags: {_keys_of(told)}")
    return {name: _single(flag) for name, flag in known.items()}


def no_container(text: str | None, name: str, field: str) -> str | None:
    """Return an id of a container's member, which is never JSON text itself.

    Raises:
        UnreadableRecord: When it is (`not_understood`).
    """
    if text and text[0] in "[{":
        raise _not_understood(
            field, f"has {values.shown(text)} where {name} should be an id"
        )
    return text


def ids(value: object, column: str) -> list[t.Any] | None:
    """Return the ids of a ready-made array such as `namiml_active_skus`.

    One id as text stands for an array of one; empty text is an empty array.

    Raises:
        UnreadableRecord: See `members`.
    """
    value = _text_inside(value, column)
    if isinstance(value, str):
        text = value.strip()
        if text[:1] not in {"[", "{"} and text != "null":
            return [text] if text else []
    opened = _opened(value, column)
    if opened is None or opened == {}:
        return None
    if not isinstance(opened, list):
        opened = [opened]
    found = [_single(member) for member in opened]
    told = [member for member in found if member is not None]
    if opened and not told:
        raise _not_understood(column, "holds nothing but nulls")
    return told


def _text_inside(value: object, column: str) -> object:
    """Return the text that JSON text, or a single wrapper, has inside."""
    while True:
        if isinstance(value, str):
            value = value.strip("\ufeff \t\r\n")
            inner = values.json_text(value, column) if value[:1] == '"' else None
        elif isinstance(value, dict) and len(value) == 1:
            inner = _opened_wrapper(value)
        else:
            return value
        if not isinstance(inner, str):
            return value
        value = inner


def _single(member: object) -> t.Any:
    """Return a single value, which may have a wrapper, or be JSON text of a text."""
    told = _scalar(_opened_wrapper(member))
    if isinstance(told, str) and told[:1] == told[-1:] == '"':
        with contextlib.suppress(ValueError):
            return jsontext.decode(told)
    return told


def _member(value: object, field: str) -> dict[str, t.Any] | None:
    """Return what the target uses of a member; None for one that says nothing."""
    opened = _object(value, field, "member")
    if opened is None:
        return None
    known = _known(opened, _USED_BY_FOLDED[field])
    if not known and all(folded(str(key)) in _UNUSED_FOLDED[field] for key in opened):
        return None
    if not known:
        used = ", ".join(_USED[field])
        raise _not_understood(
            field, f"has a member with none of {used}, but {_keys_of(opened)}"
        )
    if field == "external_ids" and known.get("key") is None:
        _expect_no_external_id(opened)
    return {
        name: _platform(told) if name == "platform" else _single(told)
        for name, told in known.items()
    }


def _expect_no_external_id(entry: Mapping[str, t.Any]) -> None:
    """Refuse an entry that says under another key that it has the External ID."""
    for key, told in entry.items():
        if isinstance(told, str) and is_external_id(told):
            raise _not_understood(
                "external_ids",
                f"has an entry with {values.shown(told)} as its "
                f"{values.shown(key)} and without a key",
            )


def _platform(value: object) -> dict[str, t.Any] | None:
    """Return a device's `platform` with Nami's keys."""
    opened = _object(value, "devices", "platform")
    if opened is None:
        return None
    known = _known(opened, _PLATFORM_BY_FOLDED)
    if not known:
        raise _not_understood(
            "devices", f"has a platform without an id, but with {_keys_of(opened)}"
        )
    return {name: _single(told) for name, told in known.items()}


def _object(value: object, field: str, part: str) -> dict[str, t.Any] | None:
    """Return an object within a container; None for one that says nothing.

    Raises:
        UnreadableRecord: When it is no object (`not_understood`).
    """
    opened = value
    if not (isinstance(value, str) and _is_plain_text(value)):
        opened = _opened(value, field)
    if isinstance(opened, list):
        opened = _pairs(opened) or opened
    if opened is None or opened == {}:
        return None
    if not isinstance(opened, dict):
        raise _not_understood(
            field, f"has the {part} {values.shown(value)}, which is no object"
        )
    return opened


def _is_plain_text(text: str) -> bool:
    return text.lstrip("\ufeff \t\r\n")[:1] not in {"{", "[", '"', ""}


def _entries(items: list[t.Any]) -> list[t.Any]:
    """Return `external_ids` as entries, also where they are a map from key to value."""
    pairs = items
    if len(items) == 1 and isinstance(items[0], dict):
        if _known(items[0], _USED_BY_FOLDED["external_ids"]):
            return items
        pairs = list(items[0].items())
    if not all(isinstance(pair, list | tuple) and len(pair) == _PAIR for pair in pairs):
        return items
    kinds = [_KIND_BY_FOLDED.get(folded(str(key))) for key, _ in pairs]
    if not any(kinds):
        return items
    return [
        {"key": kind or key, "value": value}
        for kind, (key, value) in zip(kinds, pairs, strict=True)
    ]


def _known(told: Mapping[str, t.Any], by_folded: Mapping[str, str]) -> dict[str, t.Any]:
    """Return the members of an object whose keys are known, under their usual name.

    The usual spelling counts first, and something before nothing.
    """
    known: dict[str, t.Any] = {}
    for key, value in told.items():
        name = by_folded.get(folded(str(key)))
        if name is not None and (key == name or known.get(name) is None):
            known[name] = value if value is not None else known.get(name)
    return known


# Wrappers


def _opened(value: object, field: str) -> object:
    """Return the value inside its wrappers; None for null and for empty text.

    Raises:
        UnreadableRecord: For text that is no JSON (`not_json`).
    """
    pages: list[dict[str, t.Any]] = []
    for _ in range(_MOST_WRAPPERS):
        if isinstance(value, str):
            inner = values.json_text(value.lstrip("\ufeff"), field)
        else:
            inner = _opened_wrapper(value)
        if inner is value:
            for page in pages:
                _expect_all_pages(page, value, field)
            return value
        if isinstance(value, dict) and len(value) > 1:
            pages.append(_known(value, _PAGE))
            if _known(value, _USED_BY_FOLDED.get(field, {})):
                raise _not_understood(field, f"has results beside {_keys_of(value)}")
        value = inner
    raise _not_understood(field, "has too many wrappers around it")


def _opened_wrapper(value: object) -> object:
    """Return the value inside one wrapper, or the value itself where there is none."""
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(key, inner)] = value.items()
        if key in _TYPE_TAGS:
            return _untagged(key, inner)
        if folded(str(key)) in _WRAPPERS:
            return inner
    results = _known(value, _PAGE).get("results")
    if isinstance(results, dict | list | str):
        return results
    if value and all(str(key).isdecimal() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return value


def _expect_all_pages(page: Mapping[str, t.Any], results: object, field: str) -> None:
    """Refuse one page of several, as Nami's REST API gives them."""
    there = len(results) if isinstance(results, list) else 1
    count, pages = (_whole_number(page.get(name)) for name in ("count", "total_pages"))
    if count is not None and count > there and not _is_map_of(results, count):
        raise _not_understood(field, f"has {there} of {count} results")
    if pages is not None and pages > 1:
        raise _not_understood(field, f"is one page of {pages}")
    for name in ("next", "previous"):
        if _scalar(page.get(name)) not in {None, "", False}:
            raise _not_understood(field, f"has a {name} page that is not there")


def _is_map_of(results: object, count: int) -> bool:
    """Return whether an object may be the results themselves, by key."""
    return (
        isinstance(results, dict)
        and any(folded(str(key)) in _KIND_BY_FOLDED for key in results)
        and len(results) >= count
    )


def _whole_number(value: object) -> int | None:
    try:
        return int(values.identifier(_scalar(value), "") or "")
    except (ValueError, UnreadableRecord):
        return None


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


def untyped(value: t.Any) -> t.Any:
    """Return a value of DynamoDB without the type tags at every level."""
    if isinstance(value, dict):
        if len(value) == 1:
            [(tag, inner)] = value.items()
            if tag in _TYPE_TAGS:
                return untyped(_untagged(tag, inner))
        return {name: untyped(member) for name, member in value.items()}
    if isinstance(value, list):
        return [untyped(member) for member in value]
    return value


def is_typed(value: object) -> bool:
    """Return whether a value is an attribute as DynamoDB types them."""
    return (
        isinstance(value, dict) and len(value) == 1 and not _TYPE_TAGS.isdisjoint(value)
    )


def _scalar(value: t.Any) -> t.Any:
    """Return a single value without the type that DynamoDB puts around it."""
    return untyped(value) if is_typed(value) else value


def _pairs(items: list[t.Any]) -> dict[str, t.Any] | None:
    """Return a map that is written as a list of keys and values, or None."""
    told: dict[str, t.Any] = {}
    for item in items:
        pair = _opened_wrapper(item)
        if isinstance(pair, dict):
            known = _known(pair, _USED_BY_FOLDED["external_ids"])
            if len(pair) > len(_USED["external_ids"]) or "key" not in known:
                return None
            key, value = _scalar(known["key"]), known.get("value")
        elif isinstance(pair, list | tuple) and len(pair) == _PAIR:
            key, value = pair
        else:
            return None
        if not isinstance(key, str) or key in told:
            return None
        told[key] = value
    return told or None


def _holds_flags(value: object) -> bool:
    """Return whether the names of flags are somewhere within a value."""
    if not isinstance(value, dict | list | str):
        return False
    text = str(value).translate(_NO_SEPARATORS).lower()
    return any(flag in text for flag in _USED_BY_FOLDED["customer_journey_state"])


# Messages


def _keys_of(told: Mapping[t.Any, t.Any]) -> str:
    shown = [values.shown(key) for key in list(told)[:_MOST_KEYS_SHOWN]]
    more = len(told) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _not_understood(field: str, what: str) -> UnreadableRecord:
    return UnreadableRecord(
        "not_understood",
        field,
        f"{field} {what}: give it in one of the forms that docs/input.md shows",
    )
