"""Finds the settings that Meltano has for its loader, when Meltano runs a command.

A run gets them in a file: `--config .meltano/run/LOADER/target.UUID.config.json`. A
command of the loader is given no path of it, only environment variables, and those lack
objects, are named after a loader that inherits, and may hold what the loader does not
declare. Meltano writes the file for commands as well (Meltano 4.4,
`SingerPlugin.before_configure`), beside the one that `SINGER_SDK_LOG_CONFIG` names, and
removes it when the command has ended.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCE: t.Final = "Meltano"
"""Where the settings come from, for people."""

_LOG_CONFIG: t.Final = "SINGER_SDK_LOG_CONFIG"
_LOADER: t.Final = "MELTANO_LOADER_NAME"
_PREFIX: t.Final = "MELTANO_LOAD_"
"""Of the variables that Meltano sets for each setting, however the loader is named."""
_FILES: t.Final = "target.*.config.json"
_ENVIRONMENT_OPTION: t.Final = ("--config", "ENV", "--")


def is_meltano(environ: Mapping[str, str]) -> bool:
    """Return whether Meltano runs this process as its loader."""
    return bool(environ.get(_LOG_CONFIG) and environ.get(_LOADER))


def meltano_settings(environ: Mapping[str, str]) -> dict[str, object] | None:
    """Return the settings that a run of the same loader would get.

    Several files are there while the loader runs more than once, or after a Meltano
    that was killed. The newest that agrees with the variables is the command's own.

    Args:
        environ: The environment.

    Returns:
        The settings as JSON values; None where Meltano does not run this process, or
        keeps such a file elsewhere.
    """
    if not is_meltano(environ):
        return None
    folder = Path(environ[_LOG_CONFIG]).parent
    # The UUIDs are of version 7: their order is that of time.
    for path in sorted(folder.glob(_FILES), reverse=True):
        config = _read(path)
        if config is not None and _agrees(config, environ):
            return config
    return None


def without_separator(
    arguments: Sequence[str], environ: Mapping[str, str]
) -> list[str]:
    """Return the arguments of a command without the `--` that Meltano passes on.

    `meltano invoke LOADER:check -- --online` runs `check --config ENV -- --online`.

    Args:
        arguments: Those of `amplitude-nami`.
        environ: The environment.
    """
    found = list(arguments)
    end = 1 + len(_ENVIRONMENT_OPTION)
    if is_meltano(environ) and tuple(found[1:end]) == _ENVIRONMENT_OPTION:
        del found[end - 1]
    return found


def _read(path: Path) -> dict[str, object] | None:
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError):  # It may be written, or removed, just now.
        return None
    return config if isinstance(config, dict) else None


def _agrees(config: Mapping[str, object], environ: Mapping[str, str]) -> bool:
    return all(
        text is None or _says(text, value)
        for name, value in config.items()
        if not isinstance(value, dict)  # Its members have variables, it has none.
        for text in [environ.get(_PREFIX + name.upper())]
    )


def _says(text: str, value: object) -> bool:
    if isinstance(value, str):
        return text == value
    try:
        return bool(json.loads(text) == value)
    except ValueError:
        return False
