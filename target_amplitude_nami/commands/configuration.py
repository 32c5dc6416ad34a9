"""Reads the settings from the same files and variables as the target."""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from target_amplitude_nami.commands.meltano import SOURCE, meltano_settings
from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.settings import LOCAL, Settings, given
from target_amplitude_nami.settings.environment import read_environment
from target_amplitude_nami.settings.schema import ENVIRONMENT_PREFIX
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENVIRONMENT: t.Final = "ENV"
_SECRETS: t.Final = ("api_key", "sandbox_api_key", "secret_key")


@dataclass(frozen=True)
class Configuration:
    """The settings that are given, and where each comes from."""

    values: Mapping[str, object]
    """As JSON values."""
    sources: Mapping[str, str]
    """For each of them its file, `the environment variable …` or `Meltano`."""

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
        found = (self.values.get(name) for name in _SECRETS)
        return tuple(key for key in found if isinstance(key, str) and key)

    def without_delivery(self) -> Configuration:
        """Return these settings for a command that sends nothing: no key is needed."""
        values = {**self.values, "enabled": True}
        if values.get("endpoint") != LOCAL:  # which needs no key, nor goes with this
            values["dry_run"] = True
        return Configuration(values, self.sources)


def read_configuration(paths: Iterable[str]) -> Configuration:
    """Return the settings of files and, for `ENV`, of the environment.

    As in the target, a later file prevails over an earlier one, and the environment
    over all files, wherever among them it is named. In a command that Meltano runs,
    `ENV` stands for the settings that Meltano would give the target.

    Args:
        paths: JSON files, and `ENV`.

    Raises:
        ConfigurationError: For a file that cannot be read or holds no JSON object, and
            for variables that cannot be parsed.
    """
    values: dict[str, object] = {}
    sources: dict[str, str] = {}
    reads_environment = False
    for path in paths:
        if path == ENVIRONMENT:
            reads_environment = True
            continue
        found = given(_read_file(path))
        values |= found
        sources |= dict.fromkeys(found, path)
    if reads_environment:
        of_environment, origins = _read_environment()
        values |= of_environment
        sources |= origins
    return Configuration(values, sources)


def _read_environment() -> tuple[Mapping[str, object], Mapping[str, str]]:
    from_meltano = meltano_settings(os.environ)
    if from_meltano is not None:
        found = given(from_meltano)
        return found, dict.fromkeys(found, SOURCE)
    found = given(read_environment(os.environ, SDK_SETTINGS))
    return found, {
        name: f"the environment variable {ENVIRONMENT_PREFIX}{name.upper()}"
        for name in found
    }


def _read_file(path: str) -> Mapping[str, object]:
    try:
        value: object = json.loads(Path(path).read_bytes())
    except (OSError, RecursionError, ValueError) as error:
        raise ConfigurationError(
            [f"--config {path} cannot be read: {error}"]
        ) from error
    if not isinstance(value, dict):
        raise ConfigurationError([f"--config {path} cannot be read: no JSON object"])
    return value
