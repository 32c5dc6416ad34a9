"""Where requests go, and what encloses the events in their bodies."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from dataclasses import dataclass, field

if t.TYPE_CHECKING:
    from collections.abc import Iterable


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

    def body_of(self, events: Iterable[bytes]) -> bytes:
        """Return the body of a request that holds these events."""
        before, after = self.envelope()
        # One join: each copy of a megabyte is memory that the system has to hand out.
        pieces = list(events) or [b""]
        pieces[0] = before + pieces[0]
        pieces[-1] += after
        return b",".join(pieces)

    def at(self, url: str) -> Destination:
        """Return the same project at another address."""
        return dataclasses.replace(self, url=url)
