"""Calls of the page's API, and events to send before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import requests

from tests.local.bench import event

Ask: TypeAlias = Callable[..., Any]
"""Calls the page's API and returns its answer, which must be 200."""

Send: TypeAlias = Callable[..., requests.Response]
"""Sends events to the local Amplitude."""

T0 = 1_700_000_000_000


def at(number: int, event_type: str = "one", **fields: Any) -> dict[str, Any]:
    """Return an event that happened so many milliseconds after the first."""
    return event(event_type=event_type, time=T0 + number, **fields)


def numbers(answer: dict[str, Any], name: str = "events") -> list[int]:
    return [row["number"] for row in answer[name]]


def pages(ask: Ask, path: str, name: str, key: str, **query: Any) -> list[Any]:
    """Walk through a list, two rows at a time, and return the key of each row."""
    found: list[Any] = []
    following: str | None = ""
    while following is not None:
        answer = ask(path, limit=2, **query, before=following)
        assert len(answer[name]) <= 2
        found += [row[key] for row in answer[name]]
        following = answer["next"]
    return found
