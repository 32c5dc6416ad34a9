"""Checks the settings: where each comes from, what it means, what is not in force."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

from target_amplitude_nami.commands.check.checklist import without_keys
from target_amplitude_nami.commands.output import HIDDEN
from target_amplitude_nami.nami import catalogue
from target_amplitude_nami.settings.schema import DEFAULTS
from target_amplitude_nami.settings.unused_variables import find_unused_variables
from target_amplitude_nami.settings.wording import show
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS
from target_amplitude_nami.text import counted

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from target_amplitude_nami.commands.check.checklist import Checklist
    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.settings.usable import UsableSettings

SETTINGS: t.Final = "Settings"
EVENTS: t.Final = "Events"
VARIABLES: t.Final = "Environment"
_DEFAULT: t.Final = "default"
_LONGEST_VALUE: t.Final = 200


class SettingInForce(t.TypedDict):
    """A setting for programs."""

    value: object
    source: str


def check_settings(
    checklist: Checklist, configuration: Configuration, usable: UsableSettings
) -> dict[str, SettingInForce]:
    """Add a line for each setting in force, and one for each mistake.

    Returns:
        The settings in force, without keys.
    """
    for problem in (*configuration.problems, *usable.problems):
        checklist.wrong(SETTINGS, problem)
    in_force: dict[str, SettingInForce] = {}
    for name in sorted([*DEFAULTS, *(set(configuration.values) - set(DEFAULTS))]):
        if name not in usable.left_out:
            in_force[name] = _in_force(name, configuration, usable.settings)
    given = [name for name in in_force if name in configuration.values]
    for name in (*given, *(name for name in in_force if name not in given)):
        setting = in_force[name]
        value = setting["value"]
        shown = "not set" if value is None else _shown(value)
        checklist.ok(SETTINGS, f"{name}: {shown} ({setting['source']})")
    if usable.settings is not None:
        for warning in usable.settings.warnings:
            checklist.warn(SETTINGS, warning)
        if not usable.settings.enabled:
            checklist.warn(SETTINGS, "enabled is false, so a run sends nothing")
        elif usable.settings.dry_run:
            checklist.warn(SETTINGS, "dry_run is true, so a run sends nothing")
    return in_force


def check_variables(
    checklist: Checklist, configuration: Configuration, settings: Settings | None
) -> None:
    """Add a line for each environment variable that is set and not in force."""
    # One that cannot be read is a mistake, which has a line already.
    environ = {
        variable: text
        for variable, text in os.environ.items()
        if not any(line.startswith(f"{variable} ") for line in configuration.problems)
    }
    unused = find_unused_variables(
        environ, configuration.values, settings, SDK_SETTINGS
    )
    for problem in unused.problems:
        checklist.wrong(VARIABLES, problem)
    for warning in unused.warnings:
        checklist.warn(VARIABLES, warning)
    if not unused.problems and not unused.warnings:
        checklist.ok(VARIABLES, "no variable of a setting is set and not in force")


def check_events(checklist: Checklist, settings: Settings) -> list[dict[str, str]]:
    """Add a line for each event type that is sent, with its name.

    Returns:
        The same for programs.
    """
    names = dict(settings.sent_names)
    for event_type, name in names.items():
        as_name = "" if name == event_type else f" as {show(name, _LONGEST_VALUE)}"
        checklist.ok(EVENTS, f"{event_type} is sent{as_name}")
    left_out = [name for name in catalogue.NAMES if name not in names]
    if left_out:
        checklist.ok(EVENTS, f"not chosen, so not sent: {', '.join(left_out)}")
    return [{"event": event, "name": name} for event, name in names.items()]


def _in_force(
    name: str, configuration: Configuration, settings: Settings | None
) -> SettingInForce:
    given = configuration.values.get(name)
    value = given
    if hasattr(settings, name):
        value = getattr(settings, name)
    elif given is None:
        value = DEFAULTS.get(name)
    source = configuration.sources.get(name, _DEFAULT)
    schema = SDK_SETTINGS.and_declared().get(name, {})
    if given is None and schema.get("secret"):
        value = None  # no key, or one that stands for it
    elif schema.get("secret"):
        value = HIDDEN
    elif name == "endpoint" and isinstance(value, str):
        value = without_keys(value)
    elif name == "api" and given is None and settings and settings.backfill:
        source = "follows from backfill"
    return {"value": _plain(name, value), "source": source}


def _plain(name: str, value: object) -> object:
    """Return a value for programs; objects may hold passwords and are not shown."""
    match value:
        case Path():
            return str(value)
        case dict():
            keys: Mapping[object, object] = value
            return f"{counted(len(keys), 'key')}: {', '.join(map(str, keys))}"
        case tuple() if name == "event_names":
            return [{"event": event, "name": new} for event, new in value] or None
        case tuple():
            return list(value)
        case None | bool() | int() | float() | str() | list():
            return value
        case _:
            return str(value)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return value or '""'
    return show(value, _LONGEST_VALUE)
