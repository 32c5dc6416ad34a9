"""The files of a run and a command, which nothing else may be written to."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.commands.configuration import Configuration
    from target_amplitude_nami.settings import Settings

_DATABASES: t.Final = ("memory_path", "local_path")
_BESIDE_THEM: t.Final = ("", "-wal", "-shm", "-journal", ".lock")


def taken_files(
    configuration: Configuration, settings: Settings, source: str | None
) -> Iterator[tuple[str, Path]]:
    """Yield each file that is read or kept, and what it is, as words after its name.

    Args:
        configuration: Where the settings come from.
        settings: They name the files of a run.
        source: The input; `-` for standard input.
    """
    if source is not None:
        yield "is the input", Path("/dev/stdin" if source == "-" else source)
    for name, path in vars(settings).items():
        if path is None or not name.endswith("_path"):
            continue
        if name in _DATABASES:
            for ending in _BESIDE_THEM:
                yield f"belongs to `{name}`", Path(f"{path}{ending}")
        else:
            yield f"is the file of `{name}`", path
    for file in configuration.files:
        yield "is a file of settings", Path(file)


def is_same_file(one: Path, other: Path) -> bool:
    """Return whether two paths lead to one file, which need not be there yet."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return one.samefile(other)
    except OSError:
        return False
