"""Learns from events what the platform is called that an id of Nami's stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from target_amplitude_nami.local.model import JsonObject

_ID, _NAME = "app_platform_id", "event_platform"
_MOST = 1_000


class PlatformNames:
    """Writes the table `platform_names`, of which it has a copy in memory.

    Args:
        connection: The file.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[str, str] = {}

    def load(self) -> None:
        """Read the table anew."""
        self._known = dict(self._connection.execute("SELECT * FROM platform_names"))

    def add(self, events: Iterable[JsonObject]) -> None:
        """Learn from events that name both the id and the platform."""
        for event in events:
            properties = event.get("event_properties")
            if not properties or _ID not in properties:
                continue
            platform, name = properties[_ID], properties.get(_NAME)
            if not isinstance(platform, str) or not isinstance(name, str):
                continue
            if self._known.get(platform) != name and len(self._known) < _MOST:
                self._known[platform] = name
                self._connection.execute(
                    "INSERT OR REPLACE INTO platform_names VALUES (?, ?)",
                    (platform, name),
                )


def platforms_in(connection: sqlite3.Connection, text: str) -> dict[str, str]:
    """Return the names of the platforms whose ids are in a text, by id."""
    return dict(
        connection.execute("SELECT * FROM platform_names WHERE instr(?, id)", (text,))
    )
