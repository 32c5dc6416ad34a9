"""The ceiling: decode, map, encode, gzip, POST, and nothing else.

No validation, no checks, no counting, no STATE, no retries; the first trouble ends it.

    python -m benchmarks.peers.bare_loop http://127.0.0.1:8000/ < input.singer
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import msgspec
import requests

from benchmarks.peers.mapping import event_of
from target_amplitude_nami.amplitude.client import compressor

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_EVENTS: Final = 2_000
MOST_BYTES: Final = 900_000
"""Of one request, as the target's own defaults."""

_BEFORE, _AFTER = b'{"api_key":"benchmark","events":[', b"]}"
_HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


def sender(url: str) -> Callable[[list[bytes]], None]:
    """Return what sends events over a connection of its own."""
    session = requests.Session()
    session.trust_env = False
    session.headers.update(_HEADERS)
    compress = compressor()  # the target's own: a ceiling has no slower means

    def send(events: list[bytes]) -> None:
        body = compress(_BEFORE + b",".join(events) + _AFTER)
        session.post(url, data=body).raise_for_status()

    return send


def run(put: Callable[[list[bytes]], None]) -> None:
    """Read standard input to its end, and put full requests' events."""
    decode, encode = msgspec.json.Decoder().decode, msgspec.json.Encoder().encode
    batch: list[bytes] = []
    room = MOST_BYTES - len(_BEFORE + _AFTER)
    for line in sys.stdin.buffer:
        message = decode(line)
        if message["type"] != "RECORD":
            continue
        event = encode(event_of(message["record"]))
        room -= len(event) + 1
        if room < 0 or len(batch) == MOST_EVENTS:
            put(batch)
            batch = []
            room = MOST_BYTES - len(_BEFORE + _AFTER) - len(event) - 1
        batch.append(event)
    if batch:
        put(batch)


def main() -> None:
    """Read standard input and send it."""
    run(sender(sys.argv[1]))


if __name__ == "__main__":
    main()
