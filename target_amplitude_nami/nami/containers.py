"""Reads the containers of a record, in whatever form a format writes them.

Nami sends four: `external_ids`, `active_entitlements` and `devices` are arrays of
objects, `customer_journey_state` is an object of flags (Nami docs, "Event types"). Each
may have wrappers around it and its members (`wrappers`), and keys in upper case or
camel case. A container is understood or the record is refused; nothing that it says
about the user is dropped silently.
"""

from __future__ import annotations

import typing as t

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import values, wrappers
from target_amplitude_nami.nami.container_keys import (
    KIND_BY_FOLDED,
    PLATFORM_BY_FOLDED,
    UNUSED_FOLDED,
    USED,
    USED_BY_FOLDED,
    is_external_id,
)
from target_amplitude_nami.nami.names import (
    folded,
    known_members,
    without_separators,
)
from target_amplitude_nami.nami.values import not_understood

if t.TYPE_CHECKING:
    from collections.abc import Mapping


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
    opened = wrappers.opened(value, field)
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
    pairs = wrappers.pairs_as_object(opened)
    if pairs is not None and _is_member(pairs, field):
        opened = [pairs]
    elif field == "external_ids":
        opened = _entries(opened)
    found = [_member(member, field) for member in opened]
    understood = [member for member in found if member is not None]
    if opened and not understood:
        raise not_understood(
            field, f"has no member with any of {', '.join(USED[field])}"
        )
    return understood


def _is_member(pairs: Mapping[str, t.Any], field: str) -> bool:
    """Return whether a map from key to value is a member, each of its keys one pair.

    That of `external_ids` may be all of them, too: `external_id` and the value.
    """
    return field != "external_ids" or bool(known_members(pairs, USED_BY_FOLDED[field]))


def flags(value: object) -> dict[str, t.Any] | None:
    """Return the flags of a `customer_journey_state`, each as it came.

    Raises:
        UnreadableRecord: For text that is no JSON (`not_json`), what is no object
            (`not_an_object`), and an object without any flag of Nami's
            (`not_understood`).
    """
    field = "customer_journey_state"
    opened = wrappers.opened(value, field)
    if opened is None:
        return None
    if opened == [] and isinstance(value, dict):
        return {}  # a map without a key
    if isinstance(opened, list):
        opened = wrappers.pairs_as_object(opened)
    if not isinstance(opened, dict):
        raise UnreadableRecord(
            "not_an_object",
            field,
            f"{field} is {values.shown(value)} and should be an object",
        )
    known = known_members(opened, USED_BY_FOLDED[field])
    shown = values.shown_keys(opened)
    if opened and not known:
        raise not_understood(field, f"has none of its flags, but {shown}")
    if len(opened) > len(known) and any(map(_holds_flags, opened.values())):
        raise not_understood(field, f"has more beside its flags: {shown}")
    return {name: wrappers.single(flag) for name, flag in known.items()}


def no_container(text: str | None, name: str, field: str) -> str | None:
    """Return an id of a container's member, which is never JSON text itself.

    Raises:
        UnreadableRecord: When it is (`not_understood`).
    """
    if text and text[0] in "[{":
        raise not_understood(
            field, f"has {values.shown(text)} where {name} should be an id"
        )
    return text


def ids(value: object, column: str) -> list[t.Any] | None:
    """Return the ids of a ready-made array such as `namiml_active_skus`.

    One id as text stands for an array of one; empty text is an empty array.

    Raises:
        UnreadableRecord: See `members`.
    """
    value = wrappers.text_inside(value, column)
    if isinstance(value, str):
        text = value.strip()
        if text[:1] not in {"[", "{"} and text != "null":
            return [text] if text else []
    opened = wrappers.opened(value, column)
    if opened is None or opened == {}:
        return None
    if not isinstance(opened, list):
        opened = [opened]
    found = [wrappers.single(member) for member in opened]
    there = [member for member in found if member is not None]
    if opened and not there:
        raise not_understood(column, "holds nothing but nulls")
    return there


def _member(value: object, field: str) -> dict[str, t.Any] | None:
    """Return what the target uses of a member; None for one that says nothing."""
    opened = _object(value, field, "member")
    if opened is None:
        return None
    known = known_members(opened, USED_BY_FOLDED[field])
    if not known and all(folded(str(key)) in UNUSED_FOLDED[field] for key in opened):
        return None
    if not known:
        used = ", ".join(USED[field])
        raise not_understood(
            field, f"has a member with none of {used}, but {values.shown_keys(opened)}"
        )
    if field == "external_ids" and known.get("key") is None:
        _expect_no_external_id(opened)
    return {
        name: _platform(part) if name == "platform" else wrappers.single(part)
        for name, part in known.items()
    }


def _expect_no_external_id(entry: Mapping[str, t.Any]) -> None:
    """Refuse an entry that names the External ID under another key than `key`."""
    for key, text in entry.items():
        if isinstance(text, str) and is_external_id(text):
            raise not_understood(
                "external_ids",
                f"has an entry with {values.shown(text)} as its "
                f"{values.shown(key)} and without a key",
            )


def _platform(value: object) -> dict[str, t.Any] | None:
    """Return a device's `platform` with Nami's keys."""
    opened = _object(value, "devices", "platform")
    if opened is None:
        return None
    known = known_members(opened, PLATFORM_BY_FOLDED)
    if not known:
        raise not_understood(
            "devices",
            f"has a platform without an id, but with {values.shown_keys(opened)}",
        )
    return {name: wrappers.single(part) for name, part in known.items()}


def _object(value: object, field: str, part: str) -> dict[str, t.Any] | None:
    """Return an object within a container; None for one that says nothing.

    Raises:
        UnreadableRecord: When it is no object (`not_understood`).
    """
    opened = value
    if not (isinstance(value, str) and values.is_plain_text(value)):
        opened = wrappers.opened(value, field)
    if isinstance(opened, list):
        opened = wrappers.pairs_as_object(opened) or opened
    if opened is None or opened == {}:
        return None
    if not isinstance(opened, dict):
        raise not_understood(
            field, f"has the {part} {values.shown(value)}, which is not an object"
        )
    return opened


def _entries(items: list[t.Any]) -> list[t.Any]:
    """Return `external_ids` as entries, also where they are a map from key to value."""
    pairs = items
    if len(items) == 1 and isinstance(items[0], dict):
        if known_members(items[0], USED_BY_FOLDED["external_ids"]):
            return items
        pairs = list(items[0].items())
    if not all(
        isinstance(pair, list | tuple) and len(pair) == wrappers.PAIR for pair in pairs
    ):
        return items
    kinds = [KIND_BY_FOLDED.get(folded(str(key))) for key, _ in pairs]
    if not any(kinds):
        return items
    return [
        {"key": kind or key, "value": value}
        for kind, (key, value) in zip(kinds, pairs, strict=True)
    ]


def _holds_flags(value: object) -> bool:
    """Return whether the names of flags are somewhere within a value."""
    if not isinstance(value, dict | list | str):
        return False
    text = without_separators(str(value))
    return any(flag in text for flag in USED_BY_FOLDED["customer_journey_state"])
