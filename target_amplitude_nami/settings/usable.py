"""Finds what of wrong settings can be used, so that a check need not end with them."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.settings.declared import LOCAL
from target_amplitude_nami.settings.schema import NO_BUILT_INS, BuiltInSettings
from target_amplitude_nami.settings.settings import Settings

if t.TYPE_CHECKING:
    from collections.abc import Mapping

NO_KEY: t.Final = "***"
"""Stands for a missing API key."""
_NAME: t.Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class UsableSettings:
    """What of the given settings makes sense."""

    settings: Settings | None
    """They have the defaults of what is left out, and `***` for a missing API key: to
    look at, and never for a run. None where nothing makes sense."""
    left_out: frozenset[str]
    """The settings that are wrong."""
    problems: tuple[str, ...]
    """A line for each mistake."""


def usable_settings(
    config: Mapping[str, object], built_in: BuiltInSettings = NO_BUILT_INS
) -> UsableSettings:
    """Return settings without those that are wrong, and a line for each mistake.

    Args:
        config: The settings that are given, as JSON values.
        built_in: Settings beside the declared ones, which are checked as well.
    """
    problems: tuple[str, ...] = ()
    left = dict(config)
    left_out: set[str] = set()
    while True:
        settings: Settings | None = None
        wrong: set[str] = set()
        try:
            settings = Settings.load(left, built_in)
        except ConfigurationError as error:
            problems = problems or error.problems
            wrong = _wrong_among(left, error.problems)
        if not wrong:
            return UsableSettings(settings, frozenset(left_out), problems)
        left_out |= wrong
        for name in wrong:
            left.pop(name, None)
        if "api_key" in wrong:
            left["api_key"] = NO_KEY


def _wrong_among(given: Mapping[str, object], problems: tuple[str, ...]) -> set[str]:
    """Return the settings that the lines begin with, where leaving them out helps."""
    named = {hit[0] for line in problems if (hit := _NAME.match(line))}
    # A name that is no setting may hold anything.
    named |= {name for name in given if any(line.startswith(name) for line in problems)}
    needs_key = given.get("endpoint") != LOCAL and not given.get("dry_run")
    return {
        name for name in named if name in given or (name == "api_key" and needs_key)
    } - ({"api_key"} if given.get("api_key") == NO_KEY else set())
