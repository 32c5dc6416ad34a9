"""Gives an event's properties one form, whatever form their record came in."""

from __future__ import annotations

import functools
import operator
import typing as t
from collections.abc import Mapping

import msgspec

from target_amplitude_nami.nami.names import folded
from target_amplitude_nami.nami.plain_values import are_plain, plain_members
from target_amplitude_nami.nami.properties import NOTHING, READERS

if t.TYPE_CHECKING:
    from collections.abc import Sequence

_Readers: t.TypeAlias = tuple[tuple[str, t.Callable[[t.Any], t.Any]], ...]
"""By name of the property."""
_Values: t.TypeAlias = t.Callable[[Mapping[str, t.Any]], tuple[t.Any, ...]]

_TEXTS: t.Final = frozenset({"string", "time"})
_SINGLE_VALUES: t.Final = _TEXTS | {"integer", "number", "boolean"}


class Documented(msgspec.Struct, frozen=True):
    """Which of the properties of a record Nami documents, and how to read them."""

    readers: _Readers
    other_readers: _Readers
    """Those of properties that are more than text for Nami, such as times."""
    texts: _Values | None
    """Returns those that are text for Nami, also times."""
    times: _Readers
    usual_types: tuple[tuple[str, tuple[type, ...]], ...]
    """By name, the types of single values, and of containers, that Nami sends."""
    others: _Values | None
    """Returns those that may hold more than a single value: all others, above all."""


@functools.lru_cache(maxsize=1024)
def documented_among(names: tuple[str, ...]) -> Documented:
    """Look names up, once for records of one kind.

    Names may differ from record to record without end, so only the newest are
    remembered.
    """
    readers, other_readers, times, usual_types = [], [], [], []
    texts, others = [], []
    for name in names:
        reader = READERS.get(folded(name))
        if reader is None:
            others.append(name)
            continue
        kind, read, usual = reader
        readers.append((name, read))
        if kind != "string":
            other_readers.append((name, read))
        if kind == "time":
            times.append((name, read))
        if usual:
            usual_types.append((name, usual))
        if kind in _TEXTS:
            texts.append(name)
        elif kind not in _SINGLE_VALUES:
            others.append(name)
    return Documented(
        tuple(readers),
        tuple(other_readers),
        _values_of(texts),
        tuple(times),
        tuple(usual_types),
        _values_of(others),
    )


def _values_of(names: Sequence[str]) -> _Values | None:
    if not names:
        return None
    if len(names) == 1:  # of which the getter would return no tuple
        return operator.itemgetter(names[0], names[0])
    return operator.itemgetter(*names)


def read_properties(
    properties: dict[str, t.Any], documented: Documented
) -> dict[str, t.Any]:
    """Return an event's properties as Nami's webhook has them, whatever they came from.

    Args:
        properties: By name.
        documented: What Nami documents among these names.

    Returns:
        The very same object where nothing has to change.
    """
    if _are_as_sent(properties, documented):
        return properties
    if None in properties.values():
        # A row of a wide table is mostly nulls, which say nothing.
        there = {name: value for name, value in properties.items() if value is not None}
        return read_properties(there, documented_among(tuple(there)))
    return plain_members(normalised(properties))


def _are_as_sent(properties: Mapping[str, t.Any], documented: Documented) -> bool:
    """Return whether all are surely in the form of Nami's webhook: quick, as most are.

    What is text for Nami holds no JSON where there is no bracket in it.
    """
    for name, usual in documented.usual_types:
        if type(properties[name]) not in usual:
            return False
    if documented.texts is not None:
        text = _joined(documented.texts(properties))
        if text is None or "{" in text or "[" in text:
            return False
    for name, read in documented.times:
        value = properties[name]
        if read(value) is not value:
            return False
    return documented.others is None or are_plain(documented.others(properties))


def normalised(properties: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return an event's properties with those that Nami documents in Nami's own form.

    - Text is trimmed, and blank text is nothing: its property falls away.
    - Numbers, booleans and times are read from text; what is none stays as it is.
    - Numbers keep their digits; counts are whole numbers without `.0`.
    - Times are `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, in UTC (`times.utc_text`).
    - What is text for Nami, but looks like a number, is text.

    Args:
        properties: By name, in any spelling: `purchase_date`, `purchaseDate`,
            `PURCHASEDATE`. The spelling stays.

    Returns:
        The very same object where nothing has to change.
    """
    documented = documented_among(tuple(properties))
    changed: dict[str, t.Any] = {}
    texts = documented.texts
    is_trimmed = texts is not None and _joined(texts(properties)) is not None
    for name, read in documented.other_readers if is_trimmed else documented.readers:
        value = properties[name]
        normal = read(value)
        if normal is not value:
            changed[name] = normal
    if not changed:
        return properties
    return {
        name: value
        for name, value in (properties | changed).items()
        if value is not NOTHING
    }


def _joined(texts: tuple[t.Any, ...]) -> str | None:
    """Return texts as one: quick, as most are as they should be.

    Returns:
        None where one of them is padded or blank, as it may be where two blanks stand
        together or another one stands anywhere, or is no text.
    """
    try:
        text = f" {' '.join(texts)} "
    except TypeError:
        return None
    may_be_padded = (
        "  " in text
        or "\t" in text
        or "\r" in text
        or "\n" in text
        or "\v" in text
        or "\f" in text
    )
    return None if may_be_padded else text
