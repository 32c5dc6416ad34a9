"""Singer messages, as lines of a tap's output."""

from __future__ import annotations

import importlib.resources
import json
from typing import TYPE_CHECKING, Any

from singer_sdk.testing import target_test_streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.resources.abc import Traversable

# Says nothing about the records but that they are objects.
ANYTHING: dict[str, Any] = {"type": "object", "properties": {}}


def schema(
    stream: str,
    definition: dict[str, Any] | None = None,
    key_properties: Sequence[str] = (),
) -> bytes:
    """Return a SCHEMA message; without a definition it allows anything."""
    return _line(
        type="SCHEMA",
        stream=stream,
        schema=ANYTHING if definition is None else definition,
        key_properties=list(key_properties),
    )


def record(stream: str, values: dict[str, Any]) -> bytes:
    """Return a RECORD message."""
    return _line(type="RECORD", stream=stream, record=values)


def records(stream: str, values: Iterable[dict[str, Any]]) -> list[bytes]:
    """Return a SCHEMA message that allows anything, and a RECORD message for each."""
    return [schema(stream), *(record(stream, each) for each in values)]


def state(value: object) -> bytes:
    """Return a STATE message."""
    return _line(type="STATE", value=value)


def _line(**message: Any) -> bytes:
    return json.dumps(message).encode("ascii") + b"\n"


def standard_stream(name: str) -> Traversable:
    """Return the file of messages that one of the SDK's standard tests gives."""
    return importlib.resources.files(target_test_streams) / f"{name}.singer"
