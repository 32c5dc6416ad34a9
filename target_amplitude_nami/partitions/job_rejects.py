"""Writes the rejects of a whole job to a file of its own."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.accounting.files import write_parts_atomically
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.singer.reject_lines import (
    UNREADABLE_LINES,
    schema_message,
)
from target_amplitude_nami.tools import advice_on_rejects

if t.TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.partitions.rejects import RejectedRecord

_FOR_ITS_OWNER: t.Final = 0o600


class JobRejects(t.Protocol):
    """Keeps the rejects of a job."""

    @property
    def path(self) -> Path:
        """The file that they go to."""

    @property
    def advice(self) -> str:
        """A sentence for people: where the rejects are, and what to do with them."""

    def write(self, rejected: RejectedRecord, /) -> None:
        """Keep a reject.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """

    def close(self, *, is_complete: bool) -> None:
        """Make sure that what was kept is in the file, and keep no more.

        Args:
            is_complete: Whether these are all of the job.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """


class JobRejectsFile:
    """A file of one job alone, written as a whole at its end.

    A job that is run again under the same name puts its rejects in the place of those
    that were there, and removes the file where it has none.
    """

    def __init__(self, path: Path, job: str) -> None:
        """Keep nothing yet.

        Args:
            path: The setting.
            job: The name of the job, which becomes part of the file's. A device or a
                pipe keeps its own.
        """
        is_file = path.is_file() or not path.exists()
        self.path: t.Final = path.with_stem(f"{path.stem}-{job}") if is_file else path
        self._rejects: list[RejectedRecord] = []

    @property
    def advice(self) -> str:
        """A sentence for people: where the rejects are, and what to do with them."""
        return advice_on_rejects(self.path, retry=[str(self.path)])

    def write(self, rejected: RejectedRecord) -> None:
        """Keep a reject until the end."""
        self._rejects.append(rejected)

    def close(self, *, is_complete: bool) -> None:
        """Write the file, or remove that of an earlier try that had more rejects.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        if self._rejects:
            write_parts_atomically(self.path, self._lines(), _FOR_ITS_OWNER)
        elif is_complete and self.path.is_file():
            try:
                self.path.unlink(missing_ok=True)
            except OSError as error:
                raise OutputUnwritable(
                    f"{self.path} cannot be removed ({error.strerror}), though its "
                    f"rejects are none any more: remove it"
                ) from error

    def _lines(self) -> Iterator[bytes]:
        streams = dict.fromkeys(rejected.stream for rejected in self._rejects)
        for stream in streams:
            columns = (
                {"line": {"type": "string"}} if stream == UNREADABLE_LINES else None
            )
            yield schema_message(stream, columns) + b"\n"
        for rejected in self._rejects:
            yield rejected.message + b"\n"
