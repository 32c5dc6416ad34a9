"""Opens the store's file, or a temporary one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from target_amplitude_nami.errors import StoreUnusable
from target_amplitude_nami.store.file import Files, StoreFile
from target_amplitude_nami.store.lock import lock
from target_amplitude_nami.store.schema import current_schema, temporary_schema


def open_files(path: Path | None, *, reads_uncommitted: bool) -> Files:
    """Open the store's file, or a temporary one that is gone with the process.

    Args:
        path: The file; None: a temporary one.
        reads_uncommitted: Whether nothing will be committed: all reading is then by the
            very connection that writes.

    Raises:
        StoreUnusable: When it is in use by another run, damaged, of a newer version,
            or something else.
    """
    if path is None:
        return _open_temporary()
    # SQLite puts its own files beside the file that is meant, not beside a link to it.
    real = Path(os.path.realpath(path))
    schema = current_schema()
    with contextlib.ExitStack() as until_failure:

        def connect(*, is_for_writing: bool = False) -> StoreFile:
            file = StoreFile(
                real,
                schema,
                is_lasting=True,
                is_for_writing=is_for_writing,
                named=path,
            )
            until_failure.callback(file.close)
            return file

        let_go = lock(path, real)
        until_failure.callback(let_go)
        writing = connect(is_for_writing=True)
        reading = writing if reads_uncommitted else connect()
        looking_up = writing if reads_uncommitted else connect()
        writing.begin()
        until_failure.pop_all()
    return Files(writing, reading, looking_up, let_go)


def _open_temporary() -> Files:
    schema = temporary_schema()
    try:
        with (
            contextlib.ExitStack() as until_failure,
            tempfile.TemporaryDirectory(prefix="target-amplitude-nami-") as folder,
        ):
            path = Path(folder) / "memory.db"
            file = StoreFile(path, schema, is_lasting=False)
            until_failure.callback(file.close)
            # Nothing is committed, so that pages leave RAM only for want of room.
            file.begin()
            until_failure.pop_all()
            # The folder goes at once: nothing is left behind, whatever ends the run.
    except OSError as error:
        raise StoreUnusable(
            f"There is no folder for temporary files ({error.strerror}): name one in "
            f"the environment variable TMPDIR"
        ) from error
    return Files(file, file, file, lambda: None)
