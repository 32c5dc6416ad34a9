"""Recognises webhooks of Nami's in columns that hold no one whole webhook.

Text that was cut, an array of webhooks, an object too deep: a row of it is refused
instead of passed over as a table of others.
"""

from __future__ import annotations

import re
import typing as t

import msgspec

from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami import catalogue, values, wrappers

_BEGINNINGS: t.Final = ("{", '"', "[", "b'", 'b"')
"""Of an object, text, an array, and of Python's bytes as text."""
_FAMILIES: t.Final = "|".join(
    sorted({re.escape(".".join(name.split(".")[:2])) for name in catalogue.NAMES})
)
"""How Nami's event types begin: many other services have a `user.created`."""
_NAMIS_TYPE: t.Final = re.compile(
    rf"""event_?type\\*["']\s*:\s*(?:\{{\\*"S\\*"\s*:\s*)?\\*["']\s*(?P<type>(?:{_FAMILIES})\b[a-z_.]*)""",
    re.IGNORECASE,
)
"""A webhook of Nami's in text that cannot be opened, or within an array."""
_is_namis_type: t.Final = re.compile(rf"\s*(?:{_FAMILIES})\b", re.IGNORECASE).match


def is_namis_type(event_type: str) -> bool:
    """Return whether an event type begins as Nami's do, whatever its case."""
    return _is_namis_type(event_type) is not None


def object_in(value: object) -> dict[str, t.Any] | None:
    """Return an object, also of JSON text, of a wrapper, or of text within text."""
    if wrappers.is_typed(value):
        value = wrappers.untyped(value)
    try:
        value = values.opened(value)
    except ValueError:
        return None
    if wrappers.is_typed(value):
        value = wrappers.untyped(value)
    return value if isinstance(value, dict) else None


def expect_no_lost_webhook(value: object, column: str) -> None:
    """Refuse what is plainly of Nami's webhooks, but is not one object that is one.

    Raises:
        UnreadableRecord: For text that cannot be opened (`not_json`), and for
            webhooks in an array, or too deep in an object (`not_understood`).
    """
    text = value if isinstance(value, str) else _as_text(value)
    if not text.strip(values.PADDING).startswith(_BEGINNINGS):
        return
    webhook = _NAMIS_TYPE.search(text)
    if webhook is None:
        return
    if _is_array(value):
        raise _array_of_webhooks(column)
    if object_in(value) is not None:
        raise UnreadableRecord(
            "not_understood",
            column,
            f"the column {column} holds webhooks in an array, or too deep in an "
            f"object: {values.shown(value)}",
        )
    error = UnreadableRecord(
        "not_json",
        column,
        f"the column {column} holds a webhook as text that is not a JSON object: "
        f"{values.shown(value)}",
    )
    error.event_type = webhook["type"]
    raise error


def _is_array(value: object) -> bool:
    try:
        return isinstance(values.opened(value), list)
    except ValueError:
        return False


def _array_of_webhooks(column: str) -> UnreadableRecord:
    """Return why an array is refused; it names no type, as it may hold several."""
    return UnreadableRecord(
        "not_an_object",
        column,
        f"the column {column} holds an array of webhooks; give each a row of its own",
    )


def _as_text(value: object) -> str:
    """Return an object or array as JSON text, to search it; empty for the rest."""
    if not isinstance(value, dict | list):
        return ""
    return msgspec.json.encode(value).decode()
