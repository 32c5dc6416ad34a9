"""Prints `--about` for people: the SDK's forms leave out what a setting means.

Importing it replaces the SDK's plain and markdown forms; JSON stays the SDK's.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import typing as t

from singer_sdk.about import (
    AboutFormatter,
    AboutInfo,
    MarkdownFormatter,
    TextFormatter,
)

from target_amplitude_nami.settings.schema import type_of

if sys.version_info >= (3, 12):
    from typing import override
else:
    from typing_extensions import override

_SETTINGS: t.Final = "Settings:\n"


class _Text(TextFormatter, format_name="text"):
    @override
    def format_about(self, about_info: AboutInfo) -> str:
        head, _, _ = super().format_about(about_info).partition(_SETTINGS)
        prefix = about_info.env_var_prefix
        settings = (
            _setting(name, schema, prefix + name.upper())
            for name, schema in about_info.settings["properties"].items()
        )
        return head + _SETTINGS + "\n".join(settings)


class _Markdown(MarkdownFormatter, format_name="markdown"):
    @override
    def format_about(self, about_info: AboutInfo) -> str:
        settings = _with_printable_defaults(about_info.settings)
        return super().format_about(dataclasses.replace(about_info, settings=settings))


def print_about(info: AboutInfo, form: str | None) -> None:
    """Print what the target is and which settings it has.

    Args:
        info: What the SDK knows of the target.
        form: `json`, `markdown`, or None for plain text.
    """
    print(AboutFormatter.get_formatter(form or "text").format_about(info))  # noqa: T201


def _setting(name: str, schema: dict[str, t.Any], variable: str) -> str:
    secret = ", secret" if schema.get("secret") else ""
    lines = [f"- Name: {name}", f"  Description: {schema.get('description', '')}"]
    lines.append(f"  Type: {type_of(schema)}{secret}")
    if "enum" in schema:
        lines.append(f"  Options: {', '.join(filter(None, schema['enum']))}")
    if schema.get("default") is not None:
        lines.append(f"  Default: {_shown(schema['default'])}")
    lines.append(f"  Environment variable: {variable}")
    return "\n".join(f"  {line}" for line in lines)


def _with_printable_defaults(schema: dict[str, t.Any]) -> dict[str, t.Any]:
    properties = {
        name: _with_printable_defaults(part)
        for name, part in schema.get("properties", {}).items()
    }
    default = schema.get("default")
    shown = "" if default is None else f"`{_shown(default)}`"
    changed = {"properties": properties} if properties else {}
    return {**schema, **changed, "default": shown}


def _shown(value: object) -> str:
    if isinstance(value, str) and value:
        return str(value)
    return json.dumps(value)
