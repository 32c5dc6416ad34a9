"""Makes text that others wrote fit into one visible line."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return a text as one line, with escapes for every character that is not visible.

    Line ends, terminal sequences and marks that turn the direction of writing are all
    among those.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
