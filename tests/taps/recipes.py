"""The pages of docs/recipes: what they tell people to write into `meltano.yml`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ruamel.yaml import YAML

from tests.support.meltano import ROOT
from tests.support.servers import not_installed

if TYPE_CHECKING:
    from pathlib import Path

RECIPES: Final = ROOT / "docs" / "recipes"

_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A page, and the package that it is about, which has an environment here."""

    package: str
    blocks: list[dict[str, Any]]
    """What its blocks of YAML say; the first is the project's."""
    sql: list[str]
    """Its blocks of SQL."""

    @classmethod
    def of(cls, package: str) -> Recipe:
        """Read the page about a package."""
        text = (RECIPES / f"{package}.md").read_text("utf-8")
        found = _BLOCK.findall(text)
        read = YAML(typ="safe").load
        blocks = [read(block) for kind, block in found if kind == "yaml"]
        return cls(package, blocks, [block for kind, block in found if kind == "sql"])

    def block(self, key: str) -> Any:
        """Return what the page says of this key at the top of a block."""
        [found] = [block[key] for block in self.blocks if key in block]
        return found

    @property
    def loader(self) -> dict[str, Any]:
        """What the page sets for the target."""
        [loader] = self.blocks[0]["plugins"]["loaders"]
        config: dict[str, Any] = loader["config"]
        return config

    def extractor(self, **places: object) -> dict[str, Any]:
        """Return the page's tap as it is installed here.

        Args:
            places: Settings that say where things are, which differ here.
        """
        return self._plugin("extractors", places)

    def mapper(self) -> dict[str, Any]:
        """Return the page's mapper as it is installed here."""
        return self._plugin("mappers", {})

    def _plugin(self, kind: str, places: dict[str, object]) -> dict[str, Any]:
        [plugin] = self.blocks[0]["plugins"][kind]
        config = plugin.get("config", {})
        assert config.keys() >= places.keys(), "the page sets what a test replaces"
        config = config | places
        # What Meltano would ask the Hub where the page does not say it.
        known = {
            "namespace": plugin["name"].replace("-", "_"),
            "capabilities": ["catalog", "discover", "state"],
            "settings": [
                *({"name": name} for name in config),
                {"name": "batch_config", "kind": "object"},
            ],
        }
        said = plugin.keys() - {"variant", "pip_url"}
        return (
            known
            | {name: plugin[name] for name in said}
            | {"executable": str(self._executable()), "config": config}
        )

    @property
    def pip_url(self) -> str:
        """What the page has Meltano install, beside the target."""
        [url] = [
            plugin["pip_url"]
            for kind, plugins in self.blocks[0]["plugins"].items()
            for plugin in plugins
            if kind != "loaders"
        ]
        return str(url)

    def _executable(self) -> Path:
        folder = ROOT / ".taps" / self.package / "bin"
        executable: Path = folder / _COMMANDS.get(self.package, self.package)
        if not executable.exists():
            not_installed(self.package, "make taps")
        return executable


_COMMANDS: Final = {
    "meltanolabs-tap-postgres": "tap-postgres",
    "pipelinewise-tap-mysql": "tap-mysql",
    "pipelinewise-tap-postgres": "tap-postgres",
}
"""Of packages that have another name than their command."""
