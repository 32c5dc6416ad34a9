"""The rejects of a load: each part's are written once all of it is settled."""

from __future__ import annotations

import pickle
import tempfile
import threading
import typing as t

from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.partitions.rejects import PartitionRejects
from target_amplitude_nami.tools import advice_on_rejects

if t.TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.outcomes import Refusal
    from target_amplitude_nami.partitions.rejects import RejectedRecord
    from target_amplitude_nami.singer.rejects import RejectsFile

_MOST_BYTES_IN_MEMORY: t.Final = 1 << 20


class SpooledRejects(PartitionRejects):
    """The rejects of one part, in memory or in a file without a name.

    Were they written at once, a part that is delivered again after its process was
    killed would write them twice.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._lock = threading.Lock()
        # Closed by `write_to`, or gone with the process.
        self._spool = tempfile.SpooledTemporaryFile(_MOST_BYTES_IN_MEMORY)  # noqa: SIM115
        self._count = 0

    def take(self, stream: str, message: bytes, refusal: Refusal) -> None:
        """Keep a RECORD message.

        Raises:
            OutputUnwritable: When the disk does not take it.
        """
        with self._lock:
            try:
                pickle.dump((stream, message, refusal), self._spool)
            except OSError as error:
                raise OutputUnwritable(
                    f"rejects cannot be kept in {tempfile.gettempdir()} "
                    f"({error.strerror}): free or repair the disk, or set TMPDIR"
                ) from error
            self._count += 1

    def write_to(self, file: RejectsFile) -> None:
        """Write all of them to the rejects file, and make sure that they are on disk.

        Raises:
            OutputUnwritable: When the disk does not take them.
        """
        with self._spool:
            self._spool.seek(0)
            for _ in range(self._count):
                stream, message, refusal = pickle.load(self._spool)  # noqa: S301 - its own
                file.declare_if_missing(stream)
                file.write(stream, message, refusal)
        file.sync()


class AppendedRejects:
    """The rejects of all parts, which the workers have written themselves."""

    def __init__(self, path: Path) -> None:
        """Take the setting."""
        self.path: t.Final = path

    @property
    def advice(self) -> str:
        """A sentence for people: where the rejects are, and what to do with them."""
        return advice_on_rejects(self.path)

    def write(self, rejected: RejectedRecord) -> t.NoReturn:
        """Refuse: no reject is in an outcome.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError

    def close(self, *, is_complete: bool) -> None:
        """Do nothing: all of them are on the disk."""
