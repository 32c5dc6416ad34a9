"""Writes what the target declares wherever people and programs look for it.

- `meltano.yml`: capabilities, settings and commands
- `plugins/loaders/` and `hub/`: the plugin definition, with what the Hub wants besides
- `docs/settings.md`: all settings by groups
- `README.md`: a short table of them
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from scripts.plugin_definition import (
    LOADER,
    OWNER_URL,
    VARIANT,
    declared,
    definition,
    meltano_commands,
    meltano_setting,
)
from scripts.settings_page import settings_page, settings_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.plugin_definition import About

ROOT = Path(__file__).resolve().parent.parent
TABLE_BEGINS = "<!-- settings: written by `make settings` -->\n"
TABLE_ENDS = "<!-- end of settings -->\n"


def main() -> int:
    """Write the documents, or with `--check` name those that differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args().check
    differs = False
    for name, after in documents(declared()):
        document = ROOT / name
        before = document.read_text(encoding="utf-8") if document.exists() else None
        if before != after:
            differs = True
            print(f"{name} differs from what is declared: run `make settings`")
            if not check:
                document.parent.mkdir(parents=True, exist_ok=True)
                document.write_text(after, encoding="utf-8")
    return int(check and differs)


def documents(about: About) -> Iterator[tuple[str, str]]:
    """Yield the path of each document, and its text as it should be."""
    yield "meltano.yml", meltano_yml(_read("meltano.yml"), about)
    yield "README.md", readme(_read("README.md"), about)
    yield "docs/settings.md", settings_page(about)
    plugin = _yaml(definition(about))
    yield f"plugins/loaders/{LOADER}.yml", plugin
    yield f"hub/_data/meltano/loaders/{LOADER}/{VARIANT}.yml", plugin
    yield "hub/_data/default_variants.yml", _yaml({"loaders": {LOADER: VARIANT}})
    maintainer = {"label": VARIANT, "name": VARIANT, "url": OWNER_URL}
    yield "hub/_data/maintainers.yml", _yaml({VARIANT: maintainer})


def meltano_yml(text: str, about: About) -> str:
    """Return `meltano.yml` with the loader's capabilities, settings and commands."""
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
    return _dump(yaml, project)


def readme(text: str, about: About) -> str:
    """Return `README.md` with the table of settings.

    Raises:
        ValueError: if the lines that enclose the table are missing.
    """
    before, begins, rest = text.partition(TABLE_BEGINS)
    _, ends, after = rest.partition(TABLE_ENDS)
    if not (begins and ends):
        raise ValueError(f"README.md lacks {TABLE_BEGINS!r} or {TABLE_ENDS!r}")
    return f"{before}{begins}\n{settings_table(about)}\n\n{ends}{after}"


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _yaml(value: dict[str, Any]) -> str:
    """Return YAML as the Hub's yamllint wants it: keys in order, lists not indented."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 88
    return _dump(yaml, _in_order(value))


def _in_order(value: Any) -> Any:
    match value:
        case dict():
            return {key: _in_order(part) for key, part in sorted(value.items())}
        case list():
            return [_in_order(part) for part in value]
        case str() if "\n" in value:
            return LiteralScalarString(value)
    return value


def _dump(yaml: YAML, value: Any) -> str:
    written = io.StringIO()
    yaml.dump(value, written)
    # Folding leaves blanks at line ends, which mean nothing in YAML.
    lines = (line.rstrip() for line in written.getvalue().splitlines())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
