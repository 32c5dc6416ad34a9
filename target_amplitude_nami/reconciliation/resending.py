"""Writes the records whose events are missing, to be sent again.

First the records are safe on disk; only then does the store forget that their events
were delivered. A crash between the two loses nothing: the same can be asked for again.
"""

from __future__ import annotations

import contextlib
import os
import typing as t
from pathlib import Path

from target_amplitude_nami.errors import OutputUnwritable, StoreUnusable
from target_amplitude_nami.reconciliation.new_file import new_file
from target_amplitude_nami.reconciliation.result import Resent
from target_amplitude_nami.store.delivered_reader import forget_delivered

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.outcomes import DedupKey
    from target_amplitude_nami.reconciliation.workspace import Workspace

_KEYS_AT_ONCE: t.Final = 1_000
_MISSING: t.Final = "standing = 0 AND place NOT IN (SELECT place FROM seen)"
_RECORDS: t.Final = f"""
SELECT lines.schema, schemas.line, lines.line FROM expected
JOIN lines USING (place) LEFT JOIN schemas ON number = schema
WHERE {_MISSING} ORDER BY place
"""  # noqa: S608 - no value of others
_KEYS: t.Final = f"SELECT key FROM expected WHERE {_MISSING}"  # noqa: S608


def resend(workspace: Workspace, out: Path, memory: Path, project: str) -> Resent:
    """Write the records of missing events, and forget that these were delivered.

    Args:
        workspace: The comparison, with the records' messages.
        out: Where they go, as messages that the target reads.
        memory: The memory file.
        project: The project's name in it.

    Raises:
        OutputUnwritable: When the records cannot be written; nothing was forgotten.
        StoreUnusable: When the memory file is in use or cannot be written; no records
            are left.
    """
    records = 0

    def write() -> None:
        nonlocal records
        _check_is_new(out)
        with new_file(out) as file:
            records = _write(workspace, file)

    try:
        forgotten = forget_delivered(
            memory, project, lambda: _keys(workspace), first=write
        )
    except StoreUnusable:
        if records:  # they would count as delivered when they are read
            Path(os.path.realpath(out)).unlink(missing_ok=True)
        raise
    return Resent(str(out), records, forgotten)


def _check_is_new(out: Path) -> None:
    """Check that another comparison, which forgot other events, left no records."""
    with contextlib.suppress(OSError):
        if out.stat().st_size:
            raise OutputUnwritable(
                f"{out} has come to exist meanwhile, and may hold records that the "
                f"target has yet to read: name another file"
            )


def _write(workspace: Workspace, file: t.BinaryIO) -> int:
    count = 0
    last = None
    for number, schema, line in workspace.rows(_RECORDS):
        if number != last and schema is not None:
            file.write(schema.strip() + b"\n")
            last = number
        file.write(line.strip() + b"\n")
        count += 1
    return count


def _keys(workspace: Workspace) -> Iterator[list[DedupKey]]:
    some: list[DedupKey] = []
    for (key,) in workspace.rows(_KEYS):
        some.append(key)
        if len(some) >= _KEYS_AT_ONCE:
            yield some
            some = []
    yield some
