"""Declares a setting as one field of a class, and makes a JSON schema of them."""

from __future__ import annotations

import dataclasses
import typing as t
from datetime import datetime
from pathlib import Path
from types import NoneType

if t.TYPE_CHECKING:
    from collections.abc import Mapping

Schema: t.TypeAlias = dict[str, t.Any]
"""A JSON schema."""

_JSON_TYPES: t.Final[dict[object, Schema]] = {
    str: {"type": ["string"]},
    int: {"type": ["integer"]},
    bool: {"type": ["boolean"]},
    Path: {"type": ["string"], "minLength": 1},
    datetime: {"type": ["string"], "format": "date-time"},
}
_NOT_EMPTY: t.Final[Schema] = {"type": ["string"], "minLength": 1}
BOUNDS: t.Final = {
    "integer": ("minimum", "maximum"),
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
}
"""The words of JSON schema for the smallest and the largest, by type."""
_ABBREVIATIONS: t.Final = {"Api": "API", "api": "API"}


def setting(  # noqa: PLR0913 - each a fact that a declaration may give
    description: str,
    *,
    details: str = "",
    title: str = "",
    default: object = dataclasses.MISSING,
    least: int | None = None,
    most: int | None = None,
    choices: tuple[str, ...] = (),
    labels: Mapping[str, str] | None = None,
    examples: tuple[object, ...] = (),
    secret: bool = False,
    schema: Schema | None = None,
) -> t.Any:
    """Declare a setting as a field of a dataclass.

    Args:
        description: What it means, for users: at most 150 characters.
        details: The rest of what there is to know of it, for the documentation.
        title: Its name for people, where that is not its own name in words.
        default: What holds where it is not given. Without it there is none for users:
            the field is None if its type allows that, else follows from other settings.
        least: The smallest number, the shortest text or the fewest entries.
        most: The largest number, the longest text or the most entries.
        choices: What each entry of a list may be.
        labels: The allowed values of a text, in the words of people.
        examples: Values as users write them.
        secret: Whether nobody may see it.
        schema: The JSON schema, where it does not follow from the field's type.
    """
    return dataclasses.field(
        default=t.cast("t.Any", default),
        repr=not secret,
        metadata={
            "description": description,
            "bounds": (least, most),
            "details": details,
            "title": title,
            "choices": choices,
            "labels": labels,
            "examples": examples,
            "secret": secret,
            "schema": schema,
        },
    )


def json_schema(declared: type) -> Schema:
    """Return the JSON schema of the settings that a class declares.

    Every setting may be null, which means that it is not given.
    """
    hints = t.get_type_hints(declared)
    properties = {
        field.name: _property(field, hints[field.name])
        for field in dataclasses.fields(declared)
        if "description" in field.metadata
    }
    return {"type": "object", "properties": properties}


def details(declared: type) -> dict[str, str]:
    """Return, for each setting that a class declares, what its description leaves out.

    Args:
        declared: A dataclass of settings.
    """
    return {
        field.name: field.metadata["details"]
        for field in dataclasses.fields(declared)
        if "description" in field.metadata
    }


def _property(field: dataclasses.Field[t.Any], hint: object) -> Schema:
    facts = field.metadata
    schema = dict(facts["schema"] or _schema_of(hint))
    (kind,) = schema["type"]
    schema |= {
        word: bound
        for word, bound in zip(BOUNDS.get(kind, ()), facts["bounds"], strict=False)
        if bound is not None
    }
    if facts["labels"]:
        schema["meta:enum"] = dict(facts["labels"])
    if facts["choices"]:
        schema["items"] = {"type": ["string"], "enum": list(facts["choices"])}
    schema |= {
        "type": [kind, "null"],
        "title": facts["title"] or _title(field.name),
        "description": facts["description"],
    }
    if field.default not in {dataclasses.MISSING, None}:
        schema["default"] = _as_json(field.default)
    if facts["examples"]:
        schema["examples"] = list(facts["examples"])
    if facts["secret"]:
        schema |= {"secret": True, "writeOnly": True}
    return schema


def _schema_of(hint: object) -> Schema:
    origin, arguments = t.get_origin(hint), t.get_args(hint)
    if hint in _JSON_TYPES:
        return _JSON_TYPES[hint]
    if origin is t.Literal:
        return {"type": ["string"], "enum": list(arguments)}
    if origin is tuple:
        return {"type": ["array"], "items": dict(_NOT_EMPTY)}
    (without_none,) = (each for each in arguments if each is not NoneType)
    return _schema_of(without_none)


def _title(name: str) -> str:
    first, *others = name.split("_")
    words = (first.capitalize(), *others)
    return " ".join(_ABBREVIATIONS.get(word, word) for word in words)


def _as_json(value: object) -> object:
    match value:
        case tuple():
            return list(value)
        case Path():
            return str(value)
        case _:
            return value
