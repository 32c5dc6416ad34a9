"""The environment of the commands that tests start."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

OURS: Final = "TARGET_AMPLITUDE_NAMI_"


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment as a user has it: no settings, no extras."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OURS)
        and name not in {"LOGLEVEL", "PYTHONUNBUFFERED", "SINGER_SDK_LOG_CONFIG"}
    }
    return kept | dict(more or {})


def needs_an_interpreter(more: Mapping[str, str] | None) -> bool:
    """Return whether variables may be read before a command of this package runs."""
    return any(not name.startswith(OURS) for name in more or {})
