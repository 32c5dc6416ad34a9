"""Makes a site of these pages with Sphinx: `make site`."""

from __future__ import annotations

import re
from typing import Any

project = "target-amplitude-nami"
author = "The target-amplitude-nami authors"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = project
root_doc = "README"
exclude_patterns = ["conf.py"]
myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # Samples are cut, as in `…`.

_REPOSITORY = "https://github.com/OWNER/target-amplitude-nami"
_OUTSIDE = re.compile(r"\]\(((?:\.\./)+)([^)]+)\)")
_PAGE = re.compile(r"^- \[[^\]]+\]\(([\w/-]+)\.md\)", re.MULTILINE)


def setup(app: Any) -> None:
    """Have Sphinx read the pages as below."""
    app.connect("source-read", _read)


def _read(_app: Any, name: str, content: list[str]) -> None:
    """Lead links that leave the folder to the repository; make the index a contents.

    Args:
        _app: Sphinx.
        name: The page.
        content: Its text, which is replaced.
    """
    depth = name.count("/") + 1

    def address(link: re.Match[str]) -> str:
        if link[1].count("../") < depth:
            return link[0]
        return f"]({_REPOSITORY}/blob/main/{link[2]})"

    text = content[0]
    if name == root_doc:
        pages = "\n".join(_PAGE.findall(text))
        text += f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
    content[0] = _OUTSIDE.sub(address, text)
