"""No text that others wrote can forge a line of the log."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
from singer_sdk.logging import ConsoleFormatter, StructuredFormatter

from target_amplitude_nami.singer.log_escaping import escape_log
from target_amplitude_nami.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

FORGED = "\n2026-11-28 12:00:00,000 | ERROR    | target | forged"


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, logging.StreamHandler[io.StringIO]]]:
    """A logger whose records are escaped, and its handler."""
    factory = logging.getLogRecordFactory()
    escape_log()
    logger = logging.getLogger(f"target{FORGED}")
    handler = logging.StreamHandler(io.StringIO())
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield logger, handler
    finally:
        logger.removeHandler(handler)
        logging.setLogRecordFactory(factory)


def test_a_record_is_one_line_whoever_logs_it(
    log: tuple[logging.Logger, logging.StreamHandler[io.StringIO]],
) -> None:
    logger, handler = log
    handler.setFormatter(ConsoleFormatter())
    logger.warning("of %s: %s", f"stream{FORGED}", 7)
    logger.warning(f"received{FORGED}")  # noqa: G004 - as libraries do
    lines = handler.stream.getvalue().splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)
    assert lines[0].endswith(f"of stream{printable(FORGED)}: 7")


def test_of_a_traceback_every_line_is_indented(
    log: tuple[logging.Logger, logging.StreamHandler[io.StringIO]],
) -> None:
    logger, handler = log
    handler.setFormatter(ConsoleFormatter())
    error = ValueError(f"bad{FORGED}\x1b[31m")
    logger.error("oh", exc_info=error, stack_info=True)
    first, *others = handler.stream.getvalue().splitlines()
    assert first.endswith(" | oh")
    assert any("ValueError: bad" in line for line in others)
    assert any("Stack (most recent call last)" in line for line in others)
    assert all(line.startswith("    ") and line.isprintable() for line in others)


def test_a_formatter_of_json_is_given_all_that_it_looks_at(
    log: tuple[logging.Logger, logging.StreamHandler[io.StringIO]],
) -> None:
    logger, handler = log
    handler.setFormatter(StructuredFormatter())
    error = ValueError(f"bad{FORGED}")
    more = {"stream_name": "s\n"}
    logger.error("of %s", f"stream{FORGED}", exc_info=error, extra=more)
    [line] = handler.stream.getvalue().splitlines()
    record = json.loads(line)
    assert record["message"] == f"of stream{printable(FORGED)}"
    assert record["exception"]["message"] == f"bad{FORGED}"
    assert record["stream_name"] == "s\n"


def test_records_made_from_a_dictionary_are_made_as_ever(
    log: tuple[logging.Logger, logging.StreamHandler[io.StringIO]],
) -> None:
    logger, _ = log
    record = logging.makeLogRecord({"name": logger.name, "msg": "a\nb"})
    assert record.getMessage() == r"a\nb"
