"""Looks a field up in a record, wherever and however the record has it."""

from __future__ import annotations

import re
import typing as t

from target_amplitude_nami.explanation.model import Source
from target_amplitude_nami.explanation.paths import (
    Path,
    children,
    shown,
    value_at,
)
from target_amplitude_nami.explanation.provenance import text_of
from target_amplitude_nami.nami.fields import split
from target_amplitude_nami.nami.names import folded

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MOST_FOUND: t.Final = 4
_MOST_LOOKED_AT: t.Final = 20_000
_CONTAINERS_OF_OTHER_IDS: t.Final = frozenset(
    {"devices", "activeentitlements", "externalids", "platform"}
)
_EVENT_ID: t.Final = frozenset({"id", "eventid"})


def found_in(record: Mapping[str, t.Any], field: str) -> tuple[Source, ...]:
    """Return what a record has in a field; nothing where it has no such thing.

    Args:
        record: The record.
        field: Its name, or a path such as `devices.0.id`.
    """
    parts = [folded(part) for part in re.split(r"[.\[\]]+", field) if part]
    if not parts:
        return ()
    found: list[Path] = []
    for path in _paths(record):
        if _ends_with(path, parts) and not any(path[: len(p)] == p for p in found):
            found.append(path)
            if len(found) == _MOST_FOUND:
                break
    return tuple(
        Source(shown(path), text_of(value_at(record, path), cut=True)) for path in found
    )


def names_id(record: Mapping[str, t.Any], event_id: str) -> bool:
    """Return whether a record may be the event of an id, in whatever form it is.

    Only records that cannot be read are looked at in this way. The ids of devices and
    entitlements are no event's.
    """
    for path in _paths(record):
        names = [folded(step) for step in path if isinstance(step, str)]
        if not _CONTAINERS_OF_OTHER_IDS.isdisjoint(names):
            continue
        named = names and any(part in _EVENT_ID for part in _last_names(path))
        if named and str(value_at(record, path)).strip().lower() == event_id.lower():
            return True
    return False


def _last_names(path: Path) -> Iterator[str]:
    names = [step for step in path if isinstance(step, str)]
    for name in names[-2:]:  # of a typed value, the tag comes last
        yield folded(split(name, "__")[-1])


def _ends_with(path: Path, parts: list[str]) -> bool:
    steps = [folded(str(step)) for step in path if step is not None]
    if steps[-len(parts) :] == parts:
        return True
    column = path[-1]
    return isinstance(column, str) and folded(split(column, "__")[0]) == parts[0]


def _paths(record: Mapping[str, t.Any]) -> Iterator[Path]:
    """Yield the paths to all parts of a record, the outer ones first."""
    paths: list[Path] = [(name,) for name in record]
    for number, path in enumerate(paths):
        if number == _MOST_LOOKED_AT:
            return
        yield path
        paths += [(*path, step) for step in children(value_at(record, path))]
