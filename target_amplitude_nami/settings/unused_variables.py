"""Finds environment variables that name a setting and are not in force.

`--config FILE` reads no variable, and Meltano passes on declared settings alone; people
who export one all the same believe that it counts.
"""

from __future__ import annotations

import ast
import contextlib
import os.path
import re
import typing as t
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from target_amplitude_nami.settings.checks import moment
from target_amplitude_nami.settings.environment import parse_variable
from target_amplitude_nami.settings.events import leaves, read_renames
from target_amplitude_nami.settings.schema import (
    ENVIRONMENT_PREFIX,
    NO_BUILT_INS,
    BuiltInSettings,
    type_of,
)
from target_amplitude_nami.settings.wording import show

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.settings.declaration import Schema
    from target_amplitude_nami.settings.settings import Settings

_Environment: t.TypeAlias = Mapping[str, str]

_BOOLEANS: t.Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
"""More words than a setting may have: what matters here is what somebody meant."""

_SWITCHES: t.Final = {"dry_run": True, "enabled": False}
"""The settings that keep a run from delivering, each with the value that does so."""
_MEANING: t.Final = {
    "dry_run": "asks for a dry run",
    "enabled": "asks to send nothing",
}
_NOT_PYTHON: t.Final = (
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)
_NAMES_OF_LOADER: t.Final = ("NAME", "NAMESPACE")
_NEAR_MISS: t.Final = 0.85


@dataclass(frozen=True, slots=True)
class UnusedVariables:
    """The variables of settings that are set and not in force."""

    problems: tuple[str, ...]
    """A line for each that should have kept the run from delivering."""
    warnings: tuple[str, ...]
    """A line for each of the others."""


def find_unused_variables(
    environ: _Environment,
    config: Mapping[str, object],
    settings: Settings | None,
    built_in: BuiltInSettings = NO_BUILT_INS,
) -> UnusedVariables:
    """Compare the variables of settings with what is in force; show no value of any.

    Meltano gives a loader variables for all that it passes on, under the loader's name
    and the names of those that it inherits from: such variables are in force.

    Args:
        environ: The environment.
        config: The configuration of the run, wherever it came from.
        settings: The settings made of it; None if it has mistakes.
        built_in: Settings beside the declared ones.
    """
    problems: list[str] = []
    others: list[str] = []
    in_force = _InForce(config, settings, built_in.and_declared())
    delivers = settings is None or (settings.enabled and not settings.dry_run)
    so = ": this run would deliver" if delivers else ""
    for variable, names in _variables(environ):
        text = environ[variable]
        known = [name for name in names if name in in_force.schemas]
        if any(in_force.has(name, text) for name in known):
            continue
        switch = next(
            filter(None, (in_force.switch(name, text) for name in names)), None
        )
        if switch in known:
            problems.append(
                f"{variable} {_MEANING[switch]} but is not in force{so}. "
                f"{_remedy(switch, in_force.schemas[switch], environ)}"
            )
        elif switch is not None:
            problems.append(
                f"{variable} is not a setting of this target{so}. "
                f"Unset it. {_did_you_mean(switch)}"
            )
        elif known:
            remedy = _remedy(known[0], in_force.schemas[known[0]], environ)
            others.append(f"{variable} is set but not in force. {remedy}")
    return UnusedVariables(tuple(problems), tuple(others))


def _variables(environ: _Environment) -> Iterator[tuple[str, list[str]]]:
    """Yield the variables that may be settings, each with the settings it may be.

    Beside ours, Meltano reads variables that begin with the name of the loader. So
    `…_NAMI_SANDBOX_API_KEY` is the `api_key` of a loader target-amplitude-nami-sandbox,
    and the `sandbox_api_key` of the one that it inherits from.
    """
    loader = (environ.get(f"MELTANO_LOADER_{what}", "") for what in _NAMES_OF_LOADER)
    prefixes = [re.sub(r"[^A-Za-z0-9]", "_", name).upper() for name in loader if name]
    prefixes = [*(f"{prefix}_" for prefix in prefixes), ENVIRONMENT_PREFIX]
    for variable in sorted(environ):
        names = [
            variable.removeprefix(prefix).lower()
            for prefix in dict.fromkeys(prefixes)
            if variable.startswith(prefix)
        ]
        if names and environ[variable].strip():  # an empty one gives nothing
            yield variable, names


class _InForce:
    """The values that the run works with."""

    def __init__(
        self,
        config: Mapping[str, object],
        settings: Settings | None,
        schemas: Mapping[str, Schema],
    ) -> None:
        self._config = config
        self._settings = settings
        self.schemas = schemas

    def has(self, name: str, text: str) -> bool:
        """Return whether a known setting has the value of a variable anyway."""
        given, schema = self._config.get(name), self.schemas[name]
        values = [_comparable(name, schema.get("default") if given is None else given)]
        if given is None and hasattr(self._settings, name):
            # What is not given may follow from other settings.
            values.append(_comparable(name, getattr(self._settings, name)))
        meanings = _meanings(name, text, schema)
        return any(_comparable(name, meaning) in values for meaning in meanings)

    def switch(self, name: str, text: str) -> str | None:
        """Return the setting, maybe misspelt, that should keep the run from delivering.

        None when the variable means no such thing, or the setting does so anyway.
        """
        for near in get_close_matches(name, _SWITCHES, n=1, cutoff=_NEAR_MISS):
            means = _BOOLEANS.get(text.strip().lower())
            if means is _SWITCHES[near] and not self.has(near, text):
                return near
        return None


def _meanings(name: str, text: str, schema: Schema) -> Iterator[object]:
    """Yield the values that a variable may stand for; nothing if it stands for none.

    Where `meltano.yml` gives no kind of a setting, Meltano writes lists and objects as
    Python does.
    """
    kind = type_of(schema)
    if kind == "boolean":
        if (truth := _BOOLEANS.get(text.strip().lower())) is not None:
            yield truth
        return
    with contextlib.suppress(LookupError, TypeError, ValueError):
        yield parse_variable(name, text, schema)
    if kind != "string":
        with (
            contextlib.suppress(*_NOT_PYTHON),
            warnings.catch_warnings(action="ignore"),
        ):
            yield ast.literal_eval(text.strip())


def _comparable(name: str, value: t.Any) -> object:
    """Return a value in a form that is equal for values of equal meaning."""
    match value:
        case _ if name == "event_names":
            # The field of Settings has pairs, which no configuration has.
            renames, mistakes = read_renames(
                dict(value) if isinstance(value, tuple) else value
            )
            return str(value) if mistakes else renames or None
        case str() if name == "start_date":
            return _moment_of(value)
        case Path() | str() if name.endswith("_path"):
            return os.path.normpath(value)
        case Mapping():  # Meltano may have taken keys apart at their dots
            parts = leaves(value)
            return {key: str(leaf) for key, leaf in parts if leaf is not None} or None
        case list() | tuple():
            return {str(entry) for entry in value} or None
    return None if value is False or value == "" else value


def _moment_of(text: str) -> object:
    try:
        return moment(text)
    except ValueError:
        return text


def _did_you_mean(switch: str) -> str:
    return f'Did you mean "{ENVIRONMENT_PREFIX}{switch.upper()}"?'


def _remedy(name: str, schema: Schema, environ: _Environment) -> str:
    loader = environ.get("MELTANO_LOADER_NAME")
    if not loader:
        return (
            f"With --config FILE alone no variable is read: add --config=ENV, or put "
            f"`{name}` into the file and unset the variable."
        )
    kind = type_of(schema)
    declaration = f"`{name}`" if kind == "string" else f"`{name}` with `kind: {kind}`"
    return (
        f"Meltano passes on declared settings alone: in meltano.yml, declare "
        f"{declaration} under `settings` of loader {show(loader)} (if it has "
        f"`inherit_from`, of that one), or unset the variable."
    )
