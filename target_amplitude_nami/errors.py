"""The exceptions of the target, told apart by what their reader should do.

    TargetError                  the run ends; the message is its one line in the log
    ├── ConfigurationError       mend the settings
    ├── InputUnreadable          mend the tap: its output makes no sense
    ├── NothingRecognised        select other streams, or say which ones are Nami's
    ├── OutputUnwritable         mend the disk: a file cannot be written
    ├── MemoryUnusable           mend or move the memory file
    └── LedgerImbalance          report a bug: a record is unaccounted for

What concerns a single record is never an exception but a reject.
"""

# Each name says what is the matter, so that `except` reads as a sentence.
# ruff: noqa: N818

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable


class TargetError(Exception):
    """The run ends, with exit code 1 and the message as its last line."""

    def __str__(self) -> str:
        return printable(super().__str__())


class ConfigurationError(TargetError):
    """The settings are wrong; nothing was read and nothing sent.

    Attributes:
        problems: One line for each mistake, without the value of any secret.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        """Take a sentence for each mistake, and make sure that it is one line."""
        self.problems = tuple(printable(problem) for problem in problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return " ".join(self.problems)


class InputUnreadable(TargetError):
    """What the tap writes is no Singer output."""


class NothingRecognised(TargetError):
    """Records were read, and none of them is known to be Nami's."""


class OutputUnwritable(TargetError):
    """A file that the run must write cannot be written."""


class MemoryUnusable(TargetError):
    """The memory file is in use, damaged, or not one that this version can read."""


class LedgerImbalance(TargetError):
    """Records read and records settled differ at the end of the run."""
