"""Reads settings as people give them, and says line by line what is wrong with one."""

from __future__ import annotations

import json
import typing as t

from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.nami.catalogue import did_you_mean
from target_amplitude_nami.settings.schema import known_settings

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ENVIRONMENT_PREFIX: t.Final = "TARGET_AMPLITUDE_NAMI_"

_READ_BY_ITSELF: t.Final = frozenset({"event_names"})
"""Settings of several forms, for which the declared type is only the best one."""

_LONGEST_SHOWN: t.Final = 80
_MANY: t.Final = 3
_TRUTH: t.Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}

_Schema: t.TypeAlias = dict[str, t.Any]


def show(value: object) -> str:
    """Return a value as one short line of JSON, for a message."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    if len(text) <= _LONGEST_SHOWN:
        return text
    return f"{text[:_LONGEST_SHOWN]}…"


def problems_by_setting(given: Mapping[str, object]) -> dict[str, list[str]]:
    """Check each setting by itself, against its declaration.

    Returns:
        The names of the settings that will not do, each with a line per mistake.
    """
    known = known_settings()
    found: dict[str, list[str]] = {}
    for name, value in given.items():
        if name not in known:
            # Its value stays unsaid: it may be a secret under a misspelt name.
            hint = did_you_mean(name, known)
            found[name] = [f"{name} is not a setting of this target.{hint}"]
        elif name in _READ_BY_ITSELF:
            continue
        elif problems := list(_mistakes(name, value, known[name])):
            # A value of two mistakes, such as a wrong type and not an allowed value
            # either, gets one line: both times the same.
            found[name] = list(dict.fromkeys(problems))
    return found


def read_environment(environ: Mapping[str, str]) -> dict[str, object]:
    """Return the settings that environment variables give, parsed by declared type.

    A boolean is true/false, yes/no, on/off or 1/0; a list is a JSON array or text
    with commas; an object is JSON. Nothing but `environ` is looked at, `.env` files
    least of all.

    Raises:
        ConfigurationError: For each variable that cannot be parsed, or that has the
            prefix but names no setting.
    """
    known = known_settings()
    values: dict[str, object] = {}
    problems: list[str] = []
    for variable, name in _our_variables(environ):
        if name not in known:
            variables = [ENVIRONMENT_PREFIX + setting.upper() for setting in known]
            hint = did_you_mean(variable, variables)
            problems.append(f"{variable} is not a setting of this target.{hint}")
            continue
        text = environ[variable]
        try:
            values[name] = _parse(name, text, known[name])
        except (LookupError, TypeError, ValueError):
            must = _describe(known[name])
            problems.append(f"{variable} is {show(text)}, but must be {must}.")
    if problems:
        raise ConfigurationError(problems)
    return values


def _our_variables(environ: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that should be settings, each with the setting's name."""
    for variable in sorted(environ):
        name = variable.removeprefix(ENVIRONMENT_PREFIX)
        # LOGLEVEL is the SDK's; names with another underscore are Meltano's extras.
        if name not in {variable, "LOGLEVEL"} and not name.startswith("_"):
            yield variable, name.lower()


def _parse(name: str, text: str, schema: _Schema) -> object:
    """Return what the text of a variable means, by the setting's type.

    Raises:
        LookupError, TypeError, ValueError: If it is no such thing.
    """
    kinds = [] if name in _READ_BY_ITSELF else _types(schema)
    if "integer" in kinds:
        return int(text)
    if "boolean" in kinds:
        return _TRUTH[text.strip().lower()]
    if "object" in kinds:
        return _json_of(dict, text)
    return _list_of(text) if "array" in kinds else text


def _list_of(text: str) -> object:
    if text.lstrip().startswith("["):
        return _json_of(list, text)
    return [part.strip() for part in text.split(",") if part.strip()]


def _json_of(kind: type, text: str) -> object:
    value = json.loads(text)
    if not isinstance(value, kind):
        raise TypeError
    return value


def _mistakes(name: str, value: object, schema: _Schema) -> Iterator[str]:
    for error in DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(value):
        place = "".join(_step(step) for step in error.absolute_path)
        must = _describe(error.schema)
        if schema.get("secret"):
            yield f"{name} must be {must} (its value is not shown)."
        elif must is None:
            yield f"{name}{place} is {show(error.instance)}, which is not allowed here."
        else:
            hint = _near_miss(error.instance, error.schema)
            yield f"{name}{place} is {show(error.instance)}, but must be {must}.{hint}"


def _step(step: int | str) -> str:
    return f", entry {step + 1}," if isinstance(step, int) else f".{step}"


def _near_miss(value: object, schema: _Schema) -> str:
    return did_you_mean(value, schema.get("enum", ())) if isinstance(value, str) else ""


def _types(schema: _Schema) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def _describe(schema: _Schema) -> str | None:
    """Say what a schema asks for, or None where it is too involved to say."""
    if "enum" in schema:
        allowed = [show(value) for value in schema["enum"]]
        few = len(allowed) < _MANY
        return " or ".join(allowed) if few else f"one of {', '.join(allowed)}"
    if not (kinds := _types(schema)):
        return None
    if kinds[0] == "integer":
        return f"a whole number{_bounds(schema)}"
    if kinds[0] == "string":
        return "text" if schema.get("minLength", 0) == 0 else "text that is not empty"
    if kinds[0] == "array":
        return (
            "a list"
            if schema.get("minItems", 0) == 0
            else "a list of at least one entry"
        )
    return {"boolean": "true or false", "object": "an object"}.get(kinds[0])


def _bounds(schema: _Schema) -> str:
    match schema:
        case {"minimum": least, "maximum": most}:
            return f" from {least} to {most}"
        case {"minimum": least}:
            return f" of at least {least}"
        case _:
            return ""
