"""How delivery ends before everything is delivered."""

from __future__ import annotations


class Stopped(Exception):  # noqa: N818
    """A lane has to end at once; what is not settled stays unsettled."""
