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

_BROKEN_TEXT: t.Final = (
    "has half of a character in it (a lone surrogate), which is not valid Unicode: "
    "write the text anew."
)
_LONGEST_SHOWN: t.Final = 80
_MANY: t.Final = 3
_TRUTH: t.Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}

_Schema: t.TypeAlias = dict[str, t.Any]


def show(value: object, most: int = _LONGEST_SHOWN) -> str:
    """Return a value as one line of JSON of at most so many characters."""
    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except RecursionError:
        return "nested too deep"
    if len(text) <= most:
        return text
    return f"{text[:most]}…"


def is_text(text: str) -> bool:
    """Return whether every character is one: half of a cut emoji is not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


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
        elif (place := _place_of_broken_text(value)) is not None:
            found[name] = [f"{name}{place} {_BROKEN_TEXT}"]
        elif name.endswith("_path") and (problem := _problem_with_path(value)):
            found[name] = [f"{name} is {show(value)}, {problem}"]
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
        if not is_text(text):
            problems.append(f"{variable} has bytes in it that are not UTF-8 text.")
            continue
        try:
            values[name] = parse_variable(name, text)
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


def parse_variable(name: str, text: str) -> object:
    """Return what the text of a variable means, by the type of a known setting.

    Raises:
        LookupError, TypeError, ValueError: If it is no such thing.
    """
    match "string" if name in _READ_BY_ITSELF else kind_of(name):
        case "integer":
            return int(text)
        case "boolean":
            return _TRUTH[text.strip().lower()]
        case "object":
            return _json_of(dict, text)
        case "array":
            return _list_of(text)
        case _:
            return text


def kind_of(name: str) -> str:
    """Return the type of a known setting, as JSON schema calls it."""
    kinds = _types(known_settings()[name])
    return next(kind for kind in kinds if kind != "null")


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


def _place_of_broken_text(value: object) -> str | None:
    """Return where in a value there is text that is none, or None where there is none.

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
    """Return what no path may look like, whatever files there are."""
    if isinstance(value, str) and "\0" in value:
        return "but a path cannot have a NUL character in it."
    if isinstance(value, str) and value.endswith("/"):
        return "which names a folder: add the name of a file."
    return None


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
