"""Escapes text that others wrote, so that it cannot forge a line of the log."""

from __future__ import annotations

import logging
import typing as t

from target_amplitude_nami.text import printable


def escape_log() -> None:
    """Escape the records of all loggers of this process, whatever formats them.

    Libraries log names of streams and texts of answers, too. Formatters that write JSON
    get messages and their arguments as before.
    """
    logging.setLogRecordFactory(_EscapedRecord)


class _EscapedRecord(logging.LogRecord):
    """A log record that takes one line, and a traceback that is indented."""

    def __init__(self, name: str | None, *args: t.Any, **kwargs: t.Any) -> None:
        super().__init__(name, *args, **kwargs)  # type: ignore[arg-type]
        if name:
            self.name = printable(name)  # the SDK's loggers are named after streams
        if self.exc_info:
            # A formatter takes a text that is there already.
            self.exc_text = _indented(_FORMATTER.formatException(self.exc_info))
        if self.stack_info:
            self.stack_info = _indented(self.stack_info)

    def getMessage(self) -> str:  # noqa: N802 - the name that `logging` gave it
        return printable(super().getMessage())


def _indented(text: str) -> str:
    """Return several lines of which none can pass for the beginning of a record."""
    return "\n".join(f"    {printable(line)}" for line in text.split("\n"))


_FORMATTER: t.Final = logging.Formatter()
