"""The names by which users can be looked up, all those of a user as one text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from target_amplitude_nami.local.model import NameKind

_START, _END = "\x01", "\x02"


def entry(kind: NameKind, name: str) -> str:
    """Return what is added to a user's text for a name."""
    return _START + name + _END + kind


def beginning(start: str) -> str:
    """Return what is part of the text of every user with a name that starts so."""
    return _START + start


def of_kind(text: str, kind: NameKind) -> list[str]:
    """Return the different names of a kind, in the order in which they came."""
    found: dict[str, None] = {}
    for part in text.split(_START)[1:]:
        name, _, known = part.rpartition(_END)
        if known == kind:
            found[name] = None
    return list(found)
