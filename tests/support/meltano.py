"""A Meltano project in a folder of its own, beside an empty home folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries.reader import Reader

if TYPE_CHECKING:
    from target_amplitude_nami.local.queries.reader import Summary

ROOT = Path(__file__).parents[2]
"""The repository."""

_SECONDS = 100


class MeltanoProject:
    """A folder in which the target that is tested can be run by Meltano."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.home = folder / "home"
        self.root.mkdir()
        self.home.mkdir()
        (self.root / ".venv").symlink_to(sys.prefix)

    def meltano(
        self, *arguments: str, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join([f"{sys.prefix}/bin", os.defpath])
        return subprocess.run(
            [Path(sys.prefix) / "bin" / "meltano", *arguments],
            capture_output=True,
            check=False,
            cwd=self.root,
            # NO_COLOR: people see colours, tests do not want to.
            env={"HOME": str(self.home), "PATH": path, "NO_COLOR": "1", **environment},
            text=True,
            timeout=_SECONDS,
        )

    @property
    def amplitude(self) -> Reader:
        """The local Amplitude that runs deliver to."""
        return Reader(self.root / "output" / "local-amplitude.db")

    @property
    def arrived(self) -> Summary:
        """What it holds, in numbers."""
        return self.amplitude.summary()
