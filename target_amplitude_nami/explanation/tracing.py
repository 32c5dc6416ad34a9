"""Finds by experiment which parts of a record decide which field of its event.

A record is read again with one part of it changed, and what differs then is what that
part decides. So nothing here has to know what the reader and the mapping do, and
nothing that it says can be out of date.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from target_amplitude_nami.explanation.paths import (
    TEXT,
    Path,
    changes,
    children,
    replaced,
    value_at,
)

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Facts: t.TypeAlias = "Mapping[str, t.Any]"
"""What is found out of a record: each field and its value; None is no value."""

Read: t.TypeAlias = "Callable[[t.Any], Facts | None]"
"""Reads a record, or what was changed of it; None where nothing can be made of it."""

_MOST_EXPERIMENTS: t.Final = 6_000
_FEWEST_EXPERIMENTS: t.Final = 300
_MOST_BYTES: t.Final = 40_000_000
"""Read in all experiments: a record of a megabyte is not taken apart to its leaves."""


@dataclass
class Effects:
    """What the parts of a record decide, by field."""

    values: dict[str, list[Path]] = field(default_factory=dict)
    """The parts that the value is made of: another one there gives another value."""
    conditions: dict[str, list[Path]] = field(default_factory=dict)
    """The parts without which there is no such value."""
    needed: list[Path] = field(default_factory=list)
    """The parts without which the record cannot be read at all."""

    def sources(self, name: str) -> list[Path]:
        """Return where a field comes from: what its value is made of, if known."""
        return self.values.get(name) or self.conditions.get(name) or []

    def note(self, name: str, path: Path, *, is_value: bool) -> None:
        """Note that a part decides a field."""
        places = self.values if is_value else self.conditions
        places.setdefault(name, []).append(path)


def trace(record: Mapping[str, t.Any], read: Read, size: int) -> Effects:
    """Return what each part of a record decides.

    Args:
        record: The record.
        read: Reads it; called many times.
        size: Of the record, in bytes.
    """
    facts = read(record)
    if facts is None:
        return Effects()
    left = max(_FEWEST_EXPERIMENTS, min(_MOST_EXPERIMENTS, _MOST_BYTES // (size + 1)))
    found: dict[Path, tuple[set[str], set[str]]] = {}
    needed: list[Path] = []
    todo: list[Path] = [(name,) for name in record]
    for path in todo:  # grows: the outer parts come first
        if left <= 0:
            break
        value = value_at(record, path)
        steps = children(value)
        # What JSON text is changed to is no JSON text as a rule: its parts are changed.
        tried: list[object] = [None] if steps == [TEXT] else list(changes(value))
        left -= len(tried)
        made, lost, is_needed = _effects_of(record, path, tried, read, facts)
        found[path] = made, lost
        if is_needed and not steps:
            needed.append(path)
        if not _is_one_property(made | lost):
            todo += [(*path, step) for step in steps]
    return _by_field(found, needed)


def _effects_of(
    record: Mapping[str, t.Any],
    path: Path,
    tried: list[object],
    read: Read,
    facts: Facts,
) -> tuple[set[str], set[str], bool]:
    """Return the fields to which a part gives another value, or none.

    And whether nothing at all can be read without the part as it is.
    """
    made: set[str] = set()
    lost: set[str] = set()
    is_needed = True
    for other in tried:
        changed = read(replaced(record, path, other))
        if changed is None:
            continue
        is_needed = False
        for name in differences(facts, changed):
            if facts.get(name) is None:
                continue  # no field of the event as it is
            is_value = changed.get(name) is not None and other is not None
            (made if is_value else lost).add(name)
    return made, lost, is_needed


def differences(facts: Facts, others: Facts) -> Iterator[str]:
    """Yield the fields whose values differ; 1, 1.0 and true do."""
    for name in {*facts, *others}:
        before, after = facts.get(name), others.get(name)
        if before is not after and repr(before) != repr(after):
            yield name


def _is_one_property(fields: set[str]) -> bool:
    read = {name.removeprefix("event.event_") for name in fields}
    return len(read) == 1 and next(iter(read)).startswith("properties.")


def _by_field(
    found: dict[Path, tuple[set[str], set[str]]], needed: list[Path]
) -> Effects:
    """Arrange effects by field; of an object and its member, the member counts."""
    effects = Effects(needed=needed)
    covered: set[tuple[str, Path]] = set()
    for path in reversed(found):  # the inner parts come first
        made, lost = found[path]
        for name in made | lost:
            if (name, path) not in covered:
                effects.note(name, path, is_value=name in made)
            covered.update((name, path[:length]) for length in range(1, len(path)))
    for paths in (*effects.values.values(), *effects.conditions.values()):
        paths.reverse()
    return effects
