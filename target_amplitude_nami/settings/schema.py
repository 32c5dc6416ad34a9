"""The JSON schema of the settings, and of those of the host program."""

from __future__ import annotations

import copy
import typing as t
from dataclasses import dataclass

from target_amplitude_nami.settings.declaration import Schema, json_schema
from target_amplitude_nami.settings.declared import DeclaredSettings

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ENVIRONMENT_PREFIX: t.Final = "TARGET_AMPLITUDE_NAMI_"
"""What the environment variables of settings begin with."""

_SCHEMA: t.Final = json_schema(DeclaredSettings)

DECLARED: t.Final[dict[str, Schema]] = _SCHEMA["properties"]
"""The JSON schema of each declared setting."""

DEFAULTS: t.Final[dict[str, t.Any]] = {
    name: schema.get("default") for name, schema in DECLARED.items()
}
"""Every declared setting, with what holds where it is not given."""

SEVERAL_FORMS: t.Final = frozenset({"event_names"})
"""Settings that have forms beside that of their schema, and a reader of their own."""


def config_schema() -> Schema:
    """Return a JSON schema of the declared settings, which the caller may change."""
    return copy.deepcopy(_SCHEMA)


def types_of(schema: Schema) -> list[str]:
    """Return the JSON types that a schema allows."""
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else types


def type_of(schema: Schema) -> str:
    """Return the JSON type of a setting that is given."""
    return next(name for name in types_of(schema) if name != "null")


class Mistake(t.NamedTuple):
    """A part of a value that its schema does not allow."""

    path: tuple[int | str, ...]
    """Where it is in the value."""
    part: object
    schema: Schema
    """The schema of the part."""


@dataclass(frozen=True, slots=True)
class BuiltInSettings:
    """Settings of the program that runs the target, which the target passes on."""

    schemas: Mapping[str, Schema]
    find_mistakes: Callable[[object, Schema], Iterable[Mistake]]
    """Compares a value with the schema of its setting."""

    def and_declared(self) -> dict[str, Schema]:
        """Return the JSON schema of every setting that a configuration may have."""
        return {**self.schemas, **DECLARED}


NO_BUILT_INS: t.Final = BuiltInSettings({}, lambda _value, _schema: ())
