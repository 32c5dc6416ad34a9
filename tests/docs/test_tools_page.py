"""Every command of docs/tools.md runs, and ends as the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.environment import clean_environment

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "tools.md").read_text("utf-8")
# Sample output may have headings.
_TEXT: Final = re.sub(r"^```text\n.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE)
_BEFORE_SECTIONS, *_REST = re.split(r"^## (.+)\n", _TEXT, flags=re.MULTILINE)
STORY: Final = "From start to end"
FAILS: Final = """\
fails() { if "$@"; then echo "this was to fail: $*" >&2; exit 1; fi; }
"""
SECTIONS: Final = dict(zip(_REST[::2], _REST[1::2], strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as the page's reader has it: a clone, with the commands on the PATH."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def commands_in(text: str) -> str:
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "title",
    [
        pytest.param(title, marks=() if title == STORY else pytest.mark.slow)
        for title in SECTIONS
        if commands_in(SECTIONS[title])
    ],
)
def test_the_commands_of_a_section_run(title: str, folder: Path) -> None:
    script = commands_in(_BEFORE_SECTIONS) + commands_in(SECTIONS[title])
    # `! command` must fail, too, which is nothing to `set -e`.
    script = FAILS + re.sub("^! ", "fails ", script, flags=re.MULTILINE)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-x"],
        input=script,
        capture_output=True,
        check=False,
        cwd=folder,
        env=clean_environment({"PATH": path}),
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
