"""Describes the form that a record came in, by what its parts turn out to decide."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.explanation.model import Shape
from target_amplitude_nami.explanation.paths import TEXT, Path
from target_amplitude_nami.nami.container_keys import TYPE_TAGS, WRAPPERS
from target_amplitude_nami.nami.fields import FIELDS, split
from target_amplitude_nami.nami.model import NamiEvent, NamiUser
from target_amplitude_nami.nami.names import folded
from target_amplitude_nami.nami.state import READY_MADE_COLUMNS

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from target_amplitude_nami.explanation.tracing import Effects

_READY_MADE: t.Final = frozenset(map(folded, READY_MADE_COLUMNS))
_PAGE: t.Final = frozenset({"results"})
_NAMES: t.Final = frozenset(map(folded, FIELDS))


def shape_of(
    record: Mapping[str, t.Any],
    nami: NamiEvent | NamiUser | None,
    effects: Effects,
    separator: str,
    deleted_by: str | None,
) -> Shape:
    """Return the form of a record.

    Args:
        record: As it was read from its line.
        nami: What was read of it, if it is Nami's.
        effects: What its parts decide.
        separator: What stands between the parts of a flattened column's name.
        deleted_by: The column that marks its row as deleted.
    """
    if nami is None:
        return Shape("other", ())
    used = _used(effects)
    column = _holder(effects, separator, is_event=isinstance(nami, NamiEvent))
    columns, marks = {path[0] for path in used}, {deleted_by}
    return Shape(
        "event" if isinstance(nami, NamiEvent) else "user",
        tuple(_forms(used, column, separator)),
        column,
        tuple(name for name in record if name not in columns | marks),
    )


def _used(effects: Effects) -> list[Path]:
    places = (*effects.values.values(), *effects.conditions.values(), effects.needed)
    return list(dict.fromkeys(path for paths in places for path in paths))


def _holder(effects: Effects, separator: str, *, is_event: bool) -> str | None:
    """Return the column that holds the whole webhook, or begins the names of several.

    It is the one that the event type stands in, or the user id of a user.
    """
    name = "event_type" if is_event else "user_id"
    path = next(iter([*effects.sources(name), *effects.needed]), None)
    if path is None:
        return None
    head = str(path[0])
    parts = split(head, separator)
    if parts[0] in FIELDS or folded(head) in _NAMES:
        return None
    return head if len(path) > 1 else parts[0]


def _forms(used: list[Path], column: str | None, separator: str) -> t.Iterator[str]:
    if column is not None:
        inside = [path for path in used if path[0] == column]
        if not inside:
            yield f"the webhook lies in columns that begin with {column}{separator}"
        elif any(path[1:3] == (TEXT, TEXT) for path in inside):
            yield f"the webhook is JSON text within JSON text in the column {column}"
        elif any(path[1:2] == (TEXT,) for path in inside):
            yield f"the webhook is JSON text in the column {column}"
        else:
            yield f"the webhook is an object in the column {column}"
        used = [path[1:] if path[0] == column else path for path in used]
        used = [_without_leading_text(path) for path in used]
    names = [path[0] for path in used if path and isinstance(path[0], str)]
    if names and all(name == name.upper() != name.lower() for name in names):
        yield "columns in UPPER CASE"
    if any(len(split(name, separator)) > 1 for name in names):
        yield "objects flattened into columns of their own"
    if any(TEXT in path for path in used):
        yield "objects and arrays as JSON text"
    if any(folded(name) in _READY_MADE for name in names):
        yield "ready-made namiml_* columns"
    steps = {step for path in used for step in path[1:] if isinstance(step, str)}
    yield from _wrappers(steps)


def _wrappers(steps: Iterable[str]) -> t.Iterator[str]:
    steps = set(steps)
    if steps & TYPE_TAGS:
        yield "values typed as DynamoDB does"
        return
    if found := sorted(step for step in steps if folded(step) in WRAPPERS | _PAGE):
        yield f"lists in the wrappers of a file format ({', '.join(found)})"


def _without_leading_text(path: Path) -> Path:
    while path[:1] == (TEXT,):
        path = path[1:]
    return path
