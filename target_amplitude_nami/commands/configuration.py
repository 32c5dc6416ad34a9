"""Reads the settings from the same files and variables as the target."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import typing as t
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import simplejson

from target_amplitude_nami.commands.meltano import SOURCE, meltano_settings
from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.settings import LOCAL, Settings, given
from target_amplitude_nami.settings.environment import read_environment
from target_amplitude_nami.settings.schema import ENVIRONMENT_PREFIX
from target_amplitude_nami.settings.settings import SECRETS
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ENVIRONMENT: t.Final = "ENV"


@dataclass(frozen=True)
class Configuration:
    """The settings that are given, and where each comes from."""

    values: Mapping[str, object]
    """As JSON values."""
    sources: Mapping[str, str]
    """For each of them its file, `the environment variable …` or `Meltano`."""
    problems: tuple[str, ...] = ()
    """A line for each source that could not be read."""
    files: tuple[str, ...] = ()
    """Those that were read."""

    @cached_property
    def settings(self) -> Settings:
        """The settings, checked.

        Raises:
            ConfigurationError: With a line for every mistake.
        """
        return Settings.load(self.values, SDK_SETTINGS)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The keys that must not be printed."""
        found = (self.values.get(name) for name in SECRETS)
        return tuple(key for key in found if isinstance(key, str) and key)

    def without_delivery(self) -> Configuration:
        """Return these settings for a command that sends nothing: no key is needed."""
        values = {**self.values, "enabled": True}
        if values.get("endpoint") != LOCAL:  # which needs no key, nor goes with this
            values["dry_run"] = True
        return dataclasses.replace(self, values=values)


def read_what_can_be_read(paths: Iterable[str]) -> Configuration:
    """Return the settings of files and variables, those left out that cannot be read.

    Args:
        paths: See `read_configuration`.
    """
    found = Configuration({}, {})
    problems: list[str] = []
    in_order = list(paths)
    # The environment prevails, wherever it is named.
    in_order.sort(key=lambda path: path == ENVIRONMENT)
    for path in in_order:
        try:
            read = [read_configuration([path])]
        except ConfigurationError as error:
            problems += error.problems
            read = [*_each_variable()] if path == ENVIRONMENT else []
        for each in read:
            found = Configuration(
                {**found.values, **each.values},
                {**found.sources, **each.sources},
                files=(*found.files, *each.files),
            )
    return dataclasses.replace(found, problems=tuple(problems))


def _each_variable() -> Iterator[Configuration]:
    """Yield the setting of each variable that can be read."""
    for variable, text in os.environ.items():
        if variable.startswith(ENVIRONMENT_PREFIX):
            with contextlib.suppress(ConfigurationError):
                yield _of_environment({variable: text})


def read_configuration(paths: Iterable[str]) -> Configuration:
    """Return the settings of files and, for `ENV`, of the environment.

    As in the target, a later file prevails over an earlier one, and the environment
    over all files, wherever among them it is named. In a command that Meltano runs,
    `ENV` stands for the settings that Meltano would give the target.

    Args:
        paths: JSON files, and `ENV`.

    Raises:
        ConfigurationError: For a file that cannot be read or is not a JSON object, and
            for variables that cannot be parsed.
    """
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    files: list[str] = []
    reads_environment = False
    for path in paths:
        if path == ENVIRONMENT:
            reads_environment = True
            continue
        found = given(_read_file(path))
        files.append(path)
        values |= found
        sources |= dict.fromkeys(found, path)
    if reads_environment:
        of_environment = _of_meltano() or _of_environment(os.environ)
        values |= of_environment.values
        sources |= of_environment.sources
    return Configuration(values, sources, files=tuple(files))


def _of_meltano() -> Configuration | None:
    found = meltano_settings(os.environ)
    if found is None:
        return None
    values = given(found)
    return Configuration(values, dict.fromkeys(values, SOURCE))


def _of_environment(environ: Mapping[str, str]) -> Configuration:
    values = given(read_environment(environ, SDK_SETTINGS))
    sources = {
        name: f"the environment variable {ENVIRONMENT_PREFIX}{name.upper()}"
        for name in values
    }
    return Configuration(values, sources)


def _read_file(path: str) -> Mapping[str, object]:
    try:
        # What the target cannot read is no good here either, such as UTF-16 and NaN.
        value: object = simplejson.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigurationError([f"--config {path} cannot be read: {why}"]) from error
    if not isinstance(value, dict):
        raise ConfigurationError([f"--config {path} cannot be read: not a JSON object"])
    return value
