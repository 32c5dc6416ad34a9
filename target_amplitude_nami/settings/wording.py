"""Words values and schemas for messages about settings."""

from __future__ import annotations

import json
import typing as t

from target_amplitude_nami.settings.schema import types_of

if t.TYPE_CHECKING:
    from target_amplitude_nami.settings.declaration import Schema

_LONGEST_SHOWN: t.Final = 80
_MANY: t.Final = 3


def show(value: object, most: int = _LONGEST_SHOWN) -> str:
    """Return a value as one line of JSON, cut after so many characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except RecursionError:
        return "nested too deep"
    if len(text) <= most:
        return text
    return f"{text[:most]}…"


def describe(schema: Schema) -> str | None:
    """Describe what a schema allows; None where it is too involved."""
    if "enum" in schema:
        allowed = [show(value) for value in schema["enum"]]
        few = len(allowed) < _MANY
        return " or ".join(allowed) if few else f"one of {', '.join(allowed)}"
    names = types_of(schema)
    return {
        "integer": f"a whole number{_bounds(schema)}",
        "string": "text that is not empty" if schema.get("minLength") else "text",
        "array": f"a list{' of at least one entry' if schema.get('minItems') else ''}",
        "boolean": "true or false",
        "object": "an object",
    }.get(names[0] if names else "")


def _bounds(schema: Schema) -> str:
    match schema:
        case {"minimum": least, "maximum": most}:
            return f" from {least} to {most}"
        case {"minimum": least}:
            return f" of at least {least}"
        case _:
            return ""
