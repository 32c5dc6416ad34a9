"""Encodes the names by which a user can be looked up as one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_amplitude_nami.local.ingest.effects import NameKind

_START, _END = "\x01", "\x02"


def entry(kind: NameKind, name: str) -> str:
    """Return the part of a user's text that stands for a name."""
    return _START + name + _END + kind


def beginning(start: str) -> str:
    """Return the text that every user with such a beginning of a name has."""
    return _START + start


def of_kind(text: str, kind: NameKind) -> list[str]:
    """Return the distinct names of a kind, in the order in which they were added."""
    found: dict[str, None] = {}
    for part in text.split(_START)[1:]:
        name, _, known = part.rpartition(_END)
        if known == kind:
            found[name] = None
    return list(found)
