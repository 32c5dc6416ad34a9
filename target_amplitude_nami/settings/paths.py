"""Tries every file that a run writes, before the first record is read."""

from __future__ import annotations

import dataclasses
import typing as t

from target_amplitude_nami.settings.declared import LOCAL
from target_amplitude_nami.settings.path_trials import (
    TryToMake,
    UnusableError,
    Use,
    look,
    make_and_remove,
    reason_of,
    shown,
    status_of,
    try_path,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.settings import Settings

_USES: t.Final = {
    "rejects_path": Use(),
    "report_path": Use(is_replaced=True),
    "metrics_path": Use(is_replaced=True),
    "memory_path": Use(is_database=True),
    "local_path": Use(is_database=True),
    "dry_run_path": Use(),
}


def problems_with_paths(settings: Settings, input_descriptor: int | None) -> list[str]:
    """Return a line for each file that cannot be written, and change nothing.

    The exception is a missing folder that a link leads to: it is made and stays.

    Args:
        settings: The settings, which name the files.
        input_descriptor: The input, which none of the files may be.
    """
    tried = _tried(settings, input_descriptor, make_and_remove)
    return [problem for _, _, problem in tried if problem is not None]


def look_at_paths(
    settings: Settings, input_descriptor: int | None = None
) -> Iterator[tuple[str, Path, str | None]]:
    """Yield each setting that names a file of the run, the file, and what is wrong.

    It is found out without making anything, not even for a moment.

    Args:
        settings: The settings, which name the files.
        input_descriptor: The input, which none of the files may be.
    """
    return _tried(settings, input_descriptor, look)


def _tried(
    settings: Settings, input_descriptor: int | None, try_to_make: TryToMake
) -> Iterator[tuple[str, Path, str | None]]:
    given_input = status_of(input_descriptor)
    for name, path in _paths_in_use(settings):
        use = dataclasses.replace(_USES[name], try_to_make=try_to_make)
        problem: str | None = None
        try:
            try_path(path, use, given_input)
        except (UnusableError, OSError) as error:
            known = isinstance(error, UnusableError)
            why = error if known else f"which cannot be used ({reason_of(error)})."
            problem = f"{name} is {shown(path)}, {why}"
        yield name, path, problem


def _paths_in_use(settings: Settings) -> Iterator[tuple[str, Path]]:
    is_on = settings.enabled
    is_used = {
        "report_path": True,
        "metrics_path": True,
        "local_path": is_on and settings.endpoint == LOCAL,
        "dry_run_path": is_on and settings.dry_run,
    }
    for name in _USES:
        path = getattr(settings, name)
        if path is not None and is_used.get(name, is_on):
            yield name, path
