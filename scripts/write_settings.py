#!/usr/bin/env python3
"""Writes the settings and capabilities of the target into README and `meltano.yml`.

`meltano.yml` has the capabilities and the settings, `README.md` the settings. Both come
from what `target-amplitude-nami --about --format=json` prints.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
LOADER = "target-amplitude-nami"
TABLE_BEGINS = "<!-- settings: written by `make settings` -->\n"
TABLE_ENDS = "<!-- end of settings -->\n"


class Setting(msgspec.Struct, frozen=True):
    """One property of the target's JSON schema."""

    title: str = ""
    description: str = ""
    type: str | list[str] = "string"
    default: Any = None
    enum: list[str | None] = []
    secret: bool = False

    @property
    def kind(self) -> str:
        """The first JSON type that is not null."""
        types = [self.type] if isinstance(self.type, str) else self.type
        return next(name for name in types if name != "null")

    @property
    def options(self) -> list[str]:
        """The allowed values of a setting that has few."""
        return [value for value in self.enum if value is not None]


class Settings(msgspec.Struct, frozen=True):
    """The target's JSON schema."""

    properties: dict[str, Setting]


class About(msgspec.Struct, frozen=True):
    """The answer of `--about`, as far as the documents have it."""

    capabilities: list[str]
    settings: Settings


def main() -> int:
    """Write the documents, or with `--check` name those that differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args().check
    about = declared()
    differs = False
    for name, write in (("meltano.yml", meltano_yml), ("README.md", readme)):
        document = ROOT / name
        before = document.read_text(encoding="utf-8")
        after = write(before, about)
        if before != after:
            differs = True
            print(f"{name}: the settings differ from --about: run `make settings`")
            if not check:
                document.write_text(after, encoding="utf-8")
    return int(check and differs)


def declared() -> About:
    """Return what the installed target declares."""
    command = Path(sys.executable).with_name(LOADER)
    answer = subprocess.run(  # noqa: S603 - the project's own command
        [command, "--about", "--format=json"], check=True, stdout=subprocess.PIPE
    )
    return msgspec.json.decode(answer.stdout, type=About)


def meltano_yml(text: str, about: About) -> str:
    """Return `meltano.yml` with the loader's capabilities and settings."""
    yaml = YAML()
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 88
    yaml.preserve_quotes = True
    project = yaml.load(text)
    loader = next(p for p in project["plugins"]["loaders"] if p["name"] == LOADER)
    loader["capabilities"] = sorted(about.capabilities)
    loader["settings"] = [
        meltano_setting(name, setting)
        for name, setting in about.settings.properties.items()
    ]
    written = io.StringIO()
    yaml.dump(project, written)
    # Folding leaves blanks at line ends, which mean nothing in YAML.
    lines = (line.rstrip() for line in written.getvalue().splitlines())
    return "\n".join(lines) + "\n"


def meltano_setting(name: str, setting: Setting) -> dict[str, Any]:
    """Return one setting in Meltano's terms (Meltano, Plugin Definition Syntax)."""
    definition: dict[str, Any] = {"name": name}
    if setting.title:
        definition["label"] = setting.title
    definition["kind"] = "options" if setting.options else setting.kind
    if setting.options:
        definition["options"] = [{"label": o, "value": o} for o in setting.options]
    if setting.secret:
        definition["sensitive"] = True
    if setting.default is not None:
        definition["value"] = setting.default
    definition["description"] = setting.description
    return definition


def readme(text: str, about: About) -> str:
    """Return `README.md` with the table of settings.

    Raises:
        ValueError: if the lines that enclose the table are missing.
    """
    before, begins, rest = text.partition(TABLE_BEGINS)
    _, ends, after = rest.partition(TABLE_ENDS)
    if not (begins and ends):
        raise ValueError(f"README.md lacks {TABLE_BEGINS!r} or {TABLE_ENDS!r}")
    rows = ["| setting | type | default | meaning |", "|---|---|---|---|"]
    rows += [
        readme_row(name, setting) for name, setting in about.settings.properties.items()
    ]
    table = "\n".join(rows)
    return f"{before}{begins}\n{table}\n\n{ends}{after}"


def readme_row(name: str, setting: Setting) -> str:
    """Return one setting as a row of the table."""
    kind = " or ".join(f"`{o}`" for o in setting.options) or setting.kind
    if setting.secret:
        kind += ", secret"
    default = setting.default
    if default is None:
        shown = ""
    elif default and isinstance(default, str):
        shown = f"`{default}`"
    else:
        shown = f"`{json.dumps(default)}`"
    meaning = " ".join(setting.description.split()).replace("|", "\\|")
    return f"| `{name}` | {kind} | {shown} | {meaning} |"


if __name__ == "__main__":
    sys.exit(main())
