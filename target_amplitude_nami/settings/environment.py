"""Reads settings from environment variables."""

from __future__ import annotations

import json
import typing as t

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.settings.schema import (
    ENVIRONMENT_PREFIX,
    NO_BUILT_INS,
    SEVERAL_FORMS,
    BuiltInSettings,
    type_of,
)
from target_amplitude_nami.settings.validation import is_text
from target_amplitude_nami.settings.wording import describe, show
from target_amplitude_nami.text import did_you_mean

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_amplitude_nami.settings.declaration import Schema

_BOOLEANS: t.Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def read_environment(
    environ: Mapping[str, str], built_in: BuiltInSettings = NO_BUILT_INS
) -> dict[str, object]:
    """Return the settings that environment variables give, parsed by declared type.

    A boolean is true/false, yes/no, on/off or 1/0; a list is a JSON array or text
    with commas; an object is JSON. Nothing but `environ` is looked at, `.env` files
    least of all.

    Args:
        environ: The environment.
        built_in: Settings beside the declared ones.

    Raises:
        ConfigurationError: For each variable that cannot be parsed, or that has the
            prefix but names no setting.
    """
    known = built_in.and_declared()
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
            values[name] = parse_variable(name, text, known[name])
        except (LookupError, TypeError, ValueError):
            must = describe(known[name])
            problems.append(f"{variable} is {show(text)}, but must be {must}.")
    if problems:
        raise ConfigurationError(problems)
    return values


def parse_variable(name: str, text: str, schema: Schema) -> object:
    """Return the value of a setting that the text of a variable stands for.

    Args:
        name: The setting.
        text: The text of the variable.
        schema: The schema of the setting.

    Raises:
        LookupError, TypeError, ValueError: If the text does not stand for its type.
    """
    match "string" if name in SEVERAL_FORMS else type_of(schema):
        case "integer":
            return int(text)
        case "boolean":
            return _BOOLEANS[text.strip().lower()]
        case "object":
            return _json_of(dict, text)
        case "array":
            return _list_of(text)
        case _:
            return text


def _our_variables(environ: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that should be settings, each with the setting's name."""
    for variable in sorted(environ):
        name = variable.removeprefix(ENVIRONMENT_PREFIX)
        # LOGLEVEL is the SDK's; names with another underscore are Meltano's extras.
        if name not in {variable, "LOGLEVEL"} and not name.startswith("_"):
            yield variable, name.lower()


def _list_of(text: str) -> object:
    if text.lstrip().startswith("["):
        return _json_of(list, text)
    return [part.strip() for part in text.split(",") if part.strip()]


def _json_of(kind: type, text: str) -> object:
    value = json.loads(text)
    if not isinstance(value, kind):
        raise TypeError
    return value
