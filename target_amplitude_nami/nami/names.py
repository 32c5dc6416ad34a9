"""Compares names in all the spellings that taps and warehouses write them in."""

from __future__ import annotations

import functools
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NO_SEPARATORS: t.Final = str.maketrans("", "", "_.- \t\r\n\v\f\u00a0\ufeff")


@functools.lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """Return a name without case and separators: `inPause` and `IN_PAUSE` are one."""
    return without_separators(name)


def without_separators(text: str) -> str:
    """Return text of any length in lower case and without separators of words."""
    return text.translate(_NO_SEPARATORS).lower()


def by_folded_name(names: Iterable[str]) -> dict[str, str]:
    """Return names by what all their spellings have in common."""
    return {folded(name): name for name in names}


def known_members(
    members: Mapping[t.Any, t.Any], by_folded: Mapping[str, str]
) -> dict[str, t.Any]:
    """Return the members of an object whose names are known, under their usual name.

    The usual spelling counts first, and something before nothing.
    """
    known: dict[str, t.Any] = {}
    for key, value in members.items():
        name = by_folded.get(folded(str(key)))
        if name is not None and (key == name or known.get(name) is None):
            known[name] = value if value is not None else known.get(name)
    return known
