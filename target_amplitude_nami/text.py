"""Makes text that others wrote fit into one visible line."""

from __future__ import annotations

import typing as t
from difflib import get_close_matches

if t.TYPE_CHECKING:
    from collections.abc import Iterable


def printable(text: str) -> str:
    """Return a text as one line, with escapes for every character that is not visible.

    Line ends, terminal sequences and marks that turn the direction of writing are all
    among those.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return ` Did you mean "…"?` for a near miss, else an empty text."""
    spelling = {candidate.lower(): candidate for candidate in candidates}
    near = get_close_matches(word.strip().lower(), spelling, n=1, cutoff=0.75)
    return f' Did you mean "{spelling[near[0]]}"?' if near else ""


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """Return a count with its noun: `1 record`, `2,000 records`.

    Args:
        count: How many.
        noun: What one of them is called.
        plural: What several are called; without it, the noun with an s.
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
