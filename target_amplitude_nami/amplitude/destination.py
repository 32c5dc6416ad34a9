"""Where requests go, and what encloses the events in their bodies."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """An Amplitude project and how it is reached: what all clients have in common."""

    url: str
    """Empty for a local Amplitude that has not been started: see `at`."""
    api_key: str = field(repr=False)
    key_setting: str = "api_key"
    """The setting that the key comes from, for messages."""
    user_agent: str = ""
    gzip: bool = False
    min_id_length: int | None = None
    """Shortest user or device id that Amplitude is asked to accept."""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    """For all of an answer, and for sending to make progress."""

    def envelope(self) -> tuple[bytes, bytes]:
        """Return what stands before and after the events in a request's body."""
        options = (
            b""
            if self.min_id_length is None
            else b',"options":{"min_id_length":%d}' % self.min_id_length
        )
        key = json.dumps(self.api_key).encode("ascii")
        return b'{"api_key":' + key + b',"events":[', b"]" + options + b"}"

    def at(self, url: str) -> Destination:
        """Return the same project at another address."""
        return dataclasses.replace(self, url=url)
