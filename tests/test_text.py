"""Text that others wrote takes one visible line."""

from __future__ import annotations

import pytest

from target_amplitude_nami.errors import ConfigurationError, InputUnreadable
from target_amplitude_nami.text import counted, printable

FORGED = "\n2026-11-28 12:00:00,000 | ERROR    | target | forged"


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("", ""),
        ("Zoë 😀 'x' \\n", "Zoë 😀 'x' \\n"),
        ("a\nb\r\nc\td", r"a\nb\r\nc\td"),
        ("\x1b[31m\x9b31m\x07\x00\x7f", r"\x1b[31m\x9b31m\x07\x00\x7f"),
        ("\u2028\u2029\x85\x0b\x0c", r"\u2028\u2029\x85\x0b\x0c"),
        ("\u202e\u2066\u200b\ufeff", r"\u202e\u2066\u200b\ufeff"),
        ("\ud83d", r"\ud83d"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_does_not_print_is_escaped(text: str, escaped: str) -> None:
    assert printable(text) == escaped
    assert printable(escaped) == escaped


@pytest.mark.parametrize(
    "error", [InputUnreadable, lambda text: ConfigurationError([text])]
)
def test_an_error_reads_as_one_line(error: type[InputUnreadable]) -> None:
    assert str(error(f"bad{FORGED}")) == "bad" + printable(FORGED)


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 records"), (1, "1 record"), (2, "2 records"), (12_345, "12,345 records")],
)
def test_a_count_agrees_with_its_noun(count: int, words: str) -> None:
    assert counted(count, "record") == words


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert counted(1, "retry", "retries") == "1 retry"
    assert counted(2, "retry", "retries") == "2 retries"
