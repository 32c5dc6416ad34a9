"""Writes the settings for people to read: a page of all, and a short table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from target_amplitude_nami.settings.declaration import details, json_schema
from target_amplitude_nami.settings.declared import GROUPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.plugin_definition import About, Setting

PAGE = "docs/settings.md"
FIRST = (
    "api_key",
    "region",
    "events",
    "user_source",
    "anonymous_users",
    "revenue",
    "memory_path",
    "dry_run",
)
"""The settings to start with."""

_INTRODUCTION = """\
# Settings

Written by `make settings` from the declaration of the settings, which
`target-amplitude-nami --about` prints, too. A setting that is null, or left out, has
its default.

Give settings in Meltano (`meltano config set target-amplitude-nami region eu`), in a
JSON file (`--config config.json`), or as environment variables (`--config=ENV`), named
`TARGET_AMPLITUDE_NAMI_` and the setting in capitals. A mistake ends the run before the
first line of input is read, with one line that says what is wrong and what is allowed.

Meltano passes on the settings that the loader declares, and the definition in
`plugins/loaders` declares them all. `--config FILE` alone reads no variable. A variable
that is set and not in force gets a warning; when it is `…_DRY_RUN` true or `…_ENABLED`
false, the run ends before it delivers anything.

Every file that the run will write is tried before the input is read: a folder, a pipe,
or a place that cannot be written ends the run. Missing folders are made. `report_path`,
`metrics_path` and `rejects_path` may be `/dev/stderr` or `/dev/null`; nothing may be
`/dev/stdout`, where STATE goes.
"""
_BUILT_IN = """\
## Of the Singer SDK

Every target that is made with the SDK has these. They work on records before this
target reads them: see the SDK's pages on
[stream maps](https://sdk.meltano.com/en/latest/stream_maps.html) and
[BATCH messages](https://sdk.meltano.com/en/latest/batch.html). Few pipelines need one.
"""


def settings_page(about: About) -> str:
    """Return the page with every setting, by groups, with its details and examples."""
    declared = about.settings.properties
    sections = [_INTRODUCTION]
    rest = dict(declared)
    for group in GROUPS:
        names = json_schema(group)["properties"]
        explained = details(group)
        sections.append(f"## {_title(group)}\n")
        for name in names:
            section = _section(name, rest.pop(name), explained[name])
            sections.append("\n\n".join(section) + "\n")
    rows = [_row(name, setting) for name, setting in rest.items()]
    table = ["| setting | type | meaning |", "|---|---|---|", *rows]
    return "\n".join([*sections, _BUILT_IN, *table, ""])


def settings_table(about: About) -> str:
    """Return a table of the settings to start with.

    Args:
        about: What the target declares.
    """
    declared = about.settings.properties
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    lines += [
        f"| {_link(name)} | {_code(declared[name].default)} | {_cell(declared[name])} |"
        for name in FIRST
    ]
    return "\n".join(lines)


def _title(group: type) -> str:
    return str(group.__doc__).rstrip(".")


def _section(name: str, setting: Setting, explained: str) -> Iterator[str]:
    yield f"### {name}"
    yield " ".join(filter(None, [setting.description, explained]))
    facts = [f"Type: {setting.kind}{', secret' if setting.secret else ''}"]
    if setting.options:
        facts = [f"One of {', '.join(f'`{option}`' for option in setting.options)}"]
    if setting.default is not None:
        facts.append(f"default: {_code(setting.default)}")
    bounds = _bounds(setting)
    yield "; ".join([*facts, *bounds]) + "."
    if setting.examples:
        values = ", or ".join(f"`{json.dumps(value)}`" for value in setting.examples)
        yield f"For example {values}."


def _bounds(setting: Setting) -> Iterator[str]:
    if setting.minimum is not None:
        yield f"at least {setting.minimum}"
    if setting.maximum is not None:
        yield f"at most {setting.maximum}"


def _row(name: str, setting: Setting) -> str:
    return f"| `{name}` | {setting.kind} | {_cell(setting)} |"


def _cell(setting: Setting) -> str:
    return " ".join(setting.description.split()).replace("|", "\\|")


def _link(name: str) -> str:
    return f"[`{name}`]({PAGE}#{name})"


def _code(value: object) -> str:
    if value is None:
        return ""
    return (
        f"`{value}`" if value and isinstance(value, str) else f"`{json.dumps(value)}`"
    )
