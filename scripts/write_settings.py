"""Writes what the target declares into README and `meltano.yml`.

`meltano.yml` has the capabilities, the settings and the commands, `README.md` the
settings.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ruamel.yaml import YAML

from scripts.plugin_definition import (
    LOADER,
    declared,
    meltano_commands,
    meltano_setting,
)

if TYPE_CHECKING:
    from scripts.plugin_definition import About, Setting

ROOT = Path(__file__).resolve().parent.parent
TABLE_BEGINS = "<!-- settings: written by `make settings` -->\n"
TABLE_ENDS = "<!-- end of settings -->\n"


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
    loader["commands"] = meltano_commands(f"{Path(loader['executable']).parent}/")
    written = io.StringIO()
    yaml.dump(project, written)
    # Folding leaves blanks at line ends, which mean nothing in YAML.
    lines = (line.rstrip() for line in written.getvalue().splitlines())
    return "\n".join(lines) + "\n"


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
