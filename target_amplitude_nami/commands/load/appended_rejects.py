"""Says where the rejects of a load are, which its workers write themselves."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.singer.tools import tool

if t.TYPE_CHECKING:
    from pathlib import Path

    from target_amplitude_nami.partitions.rejects import RejectedRecord


class AppendedRejects:
    """The rejects of a load: behind those that are in the file."""

    def __init__(self, path: Path) -> None:
        """Take the setting."""
        self.path: t.Final = path

    @property
    def advice(self) -> str:
        """A sentence for people: where the rejects are, and what to do with them."""
        where = f"They are in {self.path}, each with the reason"
        if not self.path.is_file():
            return where
        explain = tool("explain", "--input", str(self.path))
        return (
            f"{where}: `{explain}` shows what is wrong. Once the cause is gone, "
            f"`{tool('retry')}` delivers them"
        )

    def write(self, rejected: RejectedRecord) -> t.NoReturn:
        """Refuse: no reject is in an outcome.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError

    def close(self, *, is_complete: bool) -> None:
        """Do nothing: all of them are on the disk."""
