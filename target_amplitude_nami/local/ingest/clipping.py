"""Truncates long texts and lists silently, as Amplitude does."""

from __future__ import annotations

from typing import Any

from target_amplitude_nami.local.ingest import limits


def may_be_long(raw: bytes) -> bool:
    """Return whether the JSON text of an event may contain anything that is too long.

    False is certain, True is not: without an escaped quote, the text between two quotes
    is at least as long as any string in it.
    """
    if len(raw) <= limits.MAX_TEXT:
        return False
    return (
        b'\\"' in raw
        or raw.count(b",") >= limits.MAX_ITEMS
        or max(map(len, raw.split(b'"'))) > limits.MAX_TEXT
    )


def clipped(value: Any) -> Any:
    """Truncate the texts and lists of a JSON value as Amplitude does."""
    if isinstance(value, str):
        return value[: limits.MAX_TEXT]
    if isinstance(value, list):
        return [clipped(item) for item in value[: limits.MAX_ITEMS]]
    if isinstance(value, dict):
        return {clipped(name): clipped(item) for name, item in value.items()}
    return value
