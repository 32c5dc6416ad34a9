"""Finds the parts of a record, and makes copies in which one of them is different.

A path leads into objects, arrays and JSON text: `payload.devices[0].id`.
"""

from __future__ import annotations

import re
import typing as t
from decimal import Decimal

from target_amplitude_nami import jsontext
from target_amplitude_nami.nami.values import PADDING

if t.TYPE_CHECKING:
    from collections.abc import Iterator

TEXT: t.Final = None
"""The step from JSON text to what it holds."""

Step: t.TypeAlias = "str | int | None"
Path: t.TypeAlias = tuple[Step, ...]

_PLAIN_NAME: t.Final = re.compile(r"[^\W\d][\w$-]*")
_OPENINGS: t.Final = ("{", "[", '"')
_DIGIT: t.Final = re.compile(r"\d")
_LETTER: t.Final = re.compile(r"[A-Za-z]")
_MOST_DIGITS: t.Final = 12
"""So many of a text's digits are changed: a time has more that matter not."""
_FLIPPED: t.Final = {
    "true": "false", "t": "f", "yes": "no", "y": "n", "on": "off",
    "1": "0", "1.0": "0.0",
}  # fmt: skip
_OPPOSITES: t.Final = _FLIPPED | {no: yes for yes, no in _FLIPPED.items()}


def shown(path: Path) -> str:
    """Return a path as people write it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif isinstance(step, str):
            if not _PLAIN_NAME.fullmatch(step):
                text += f"[{jsontext.encode(step).decode()}]"
            else:
                text += f".{step}" if text else step
    return text


def children(value: object) -> list[Step]:
    """Return the steps that lead on from a value: none from a single one."""
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, list):
        return list(range(len(value)))
    return [TEXT] if _opened(value) is not None else []


def value_at(record: object, path: Path) -> t.Any:
    """Return the value at the end of a path that `children` led along."""
    value: t.Any = record
    for step in path:
        value = _opened(value) if step is TEXT else value[step]
    return value


def replaced(record: t.Any, path: Path, value: object) -> t.Any:
    """Return a copy of a record with another value at the end of a path."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    if step is TEXT:
        inner = replaced(_opened(record), rest, value)
        return jsontext.encode(inner).decode()
    copy: t.Any = dict(record) if isinstance(record, dict) else list(record)
    copy[step] = replaced(record[step], rest, value)
    return copy


def changes(value: object) -> Iterator[object]:
    """Yield other values in the place of one, so that some of them make sense there.

    A time stays a time in some of them, a flag a flag, an id an id.
    """
    yield None
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | Decimal):
        if value in {0, 1}:
            yield type(value)(1 - value)
        if not isinstance(value, Decimal) or value.is_finite():
            yield value + 1
            yield -value
    elif isinstance(value, str):
        yield from _other_texts(value)
    elif value:
        yield type(value)()


def _other_texts(text: str) -> Iterator[str]:
    opposite = _OPPOSITES.get(text.strip().lower())
    if opposite is not None:
        yield opposite.upper() if text.isupper() else opposite
    yield f"{text}x"
    letters = [found.start() for found in _LETTER.finditer(text)]
    if letters:
        at = letters[-1]
        yield f"{text[:at]}{'b' if text[at] in 'aA' else 'a'}{text[at + 1 :]}"
        yield f"{text[:at]}{'B' if text[at] in 'aA' else 'A'}{text[at + 1 :]}"
    digits = [found.start() for found in _DIGIT.finditer(text)]
    steps = max(1, -(-len(digits) // _MOST_DIGITS))
    for at in digits[::steps]:
        yield f"{text[:at]}{(int(text[at]) + 1) % 10}{text[at + 1 :]}"
    if len(digits) > 1:
        at = digits[0]
        yield f"{text[:at]}{(int(text[at]) - 1) % 10}{text[at + 1 :]}"


def _opened(value: object) -> t.Any:
    """Return what JSON text holds; None for anything else, and for `null`."""
    if not isinstance(value, str):
        return None
    text = value.strip(PADDING)
    if not text.startswith(_OPENINGS):
        return None
    try:
        return jsontext.decode(text)
    except ValueError:
        return None
