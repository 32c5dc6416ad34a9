"""Checks each setting by itself, with one line for every mistake."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.settings.declaration import BOUNDS
from target_amplitude_nami.settings.schema import (
    DECLARED,
    SEVERAL_FORMS,
    BuiltInSettings,
    Mistake,
    type_of,
)
from target_amplitude_nami.settings.wording import describe, show
from target_amplitude_nami.text import did_you_mean

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_amplitude_nami.settings.declaration import Schema

_BROKEN_TEXT: t.Final = (
    "has half of a character in it (a lone surrogate), which is not valid Unicode: "
    "write the text anew."
)


def is_text(text: str) -> bool:
    """Return whether text has whole characters only: half of a cut emoji is none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def problems_by_setting(
    given: Mapping[str, object], built_in: BuiltInSettings
) -> dict[str, list[str]]:
    """Check each setting by itself, against its declaration.

    Args:
        given: The settings that are given.
        built_in: Settings beside the declared ones.

    Returns:
        The names of the settings that are wrong, each with a line for every mistake.
    """
    known = built_in.and_declared()
    found: dict[str, list[str]] = {}
    for name, value in given.items():
        if name not in known:
            # Its value is not shown: it may be a secret under a misspelt name.
            hint = did_you_mean(name, known)
            found[name] = [f"{name} is not a setting of this target.{hint}"]
        elif (place := _place_of_broken_text(value)) is not None:
            found[name] = [f"{name}{place} {_BROKEN_TEXT}"]
        elif name.endswith("_path") and (problem := _problem_with_path(value)):
            found[name] = [f"{name} is {show(value)}, {problem}"]
        elif name in SEVERAL_FORMS:
            continue
        else:
            find = _find_mistakes if name in DECLARED else built_in.find_mistakes
            lines = _lines(name, known[name], find(value, known[name]))
            if problems := list(dict.fromkeys(lines)):  # one for two like mistakes
                found[name] = problems
    return found


def _find_mistakes(value: object, schema: Schema) -> Iterator[Mistake]:
    """Yield where a value differs from the schema of a declared setting."""
    if not _has_type(value, type_of(schema)):
        yield Mistake((), value, schema)
        return
    if ("enum" in schema and value not in schema["enum"]) or not _fits(value, schema):
        yield Mistake((), value, schema)
    if isinstance(value, list):
        for number, entry in enumerate(value):
            for mistake in _find_mistakes(entry, schema["items"]):
                yield mistake._replace(path=(number, *mistake.path))


def _has_type(value: object, name: str) -> bool:
    match value:
        case bool():
            return name == "boolean"
        case int():
            return name == "integer"
        case float():  # 5.0 is an integer, as far as JSON knows
            return name == "integer" and value.is_integer()
        case str():
            return name == "string"
        case list():
            return name == "array"
        case _:
            return False


def _fits(value: t.Any, schema: Schema) -> bool:
    """Return whether a value of the right type is within its bounds."""
    size = len(value) if isinstance(value, str | list) else value
    least, most = BOUNDS.get(type_of(schema), ("", ""))
    return bool(schema.get(least, size) <= size <= schema.get(most, size))


def _lines(name: str, schema: Schema, mistakes: Iterable[Mistake]) -> Iterator[str]:
    for path, part, wanted in mistakes:
        place = "".join(map(_step, path))
        must = describe(wanted)
        if schema.get("secret"):
            yield f"{name} must be {must} (its value is not shown)."
        elif must is None:
            yield f"{name}{place} is {show(part)}, which is not allowed here."
        else:
            near = wanted.get("enum", ()) if isinstance(part, str) else ()
            hint = did_you_mean(str(part), near) if near else ""
            yield f"{name}{place} is {show(part)}, but must be {must}.{hint}"


def _place_of_broken_text(value: object) -> str | None:
    """Return where a value has broken text in it; None where it has none.

    The place of a broken key is that of its object.
    """
    left: list[tuple[str, object]] = [("", value)]
    while left:
        place, part = left.pop()
        if isinstance(part, str) and not is_text(part):
            return place
        if isinstance(part, dict):
            if not all(map(is_text, part)):
                return place
            left += [(place + _step(key), member) for key, member in part.items()]
        elif isinstance(part, list):
            left += [(place + _step(n), entry) for n, entry in enumerate(part)]
    return None


def _problem_with_path(value: object) -> str | None:
    """Return why text cannot be the path of a file, whatever files there are."""
    if isinstance(value, str) and "\0" in value:
        return "but a path cannot have a NUL character in it."
    if isinstance(value, str) and value.endswith("/"):
        return "which names a folder: add the name of a file."
    return None


def _step(step: int | str) -> str:
    return f", entry {step + 1}," if isinstance(step, int) else f".{step}"
