"""Says how the requests of this package introduce themselves."""

from __future__ import annotations

import typing as t

_PACKAGE: t.Final = "target-amplitude-nami"


def user_agent() -> str:
    """Return the name and the version of this package, as HTTP has it."""
    from importlib.metadata import version  # noqa: PLC0415 - it takes its time

    return f"{_PACKAGE}/{version(_PACKAGE)}"
