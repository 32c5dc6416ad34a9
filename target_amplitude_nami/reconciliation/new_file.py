"""Writes a file as a whole: it has all of its contents, or is not there."""

from __future__ import annotations

import contextlib
import os
import tempfile
import typing as t
from pathlib import Path

from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.files import sync_folder

if t.TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[t.BinaryIO]:
    """Yield a file that takes a path when the block ends, and is safe on disk then.

    Only its owner may read it, as it holds personal data. After an error nothing is
    left of it.

    Args:
        path: The path; what is there is replaced.

    Raises:
        OutputUnwritable: When the disk does not take it.
    """
    real = Path(os.path.realpath(path))
    try:
        descriptor, name = tempfile.mkstemp(
            prefix=f".{real.name[:100]}.", dir=real.parent
        )
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
                yield t.cast("t.BinaryIO", file)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(real)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(real.parent)
    except OSError as error:
        raise OutputUnwritable(
            f"{path} cannot be written ({error.strerror or error})"
        ) from error
