"""The ceiling: decode, map, encode, gzip, POST, and nothing else.

No validation, no checks, no counting, no STATE, no retries; the first trouble ends it.
With `--threads`, so many threads compress and send.

    python -m benchmarks.peers.bare_loop http://127.0.0.1:8000/ < input.singer
"""

from __future__ import annotations

import argparse
import queue
import sys
import threading
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
_BATCHES_WAITING = 8


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


def run_with_threads(url: str, count: int) -> None:
    """Do the same, with threads that compress and send."""
    batches: queue.Queue[list[bytes] | None] = queue.Queue(_BATCHES_WAITING)

    def work() -> None:
        send = sender(url)
        while (batch := batches.get()) is not None:
            send(batch)

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    run(batches.put)
    for _ in threads:
        batches.put(None)
    for thread in threads:
        thread.join()


def main() -> None:
    """Read standard input and send it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--threads", type=int, default=0)
    asked = parser.parse_args()
    if asked.threads:
        run_with_threads(asked.url, asked.threads)
    else:
        run(sender(asked.url))


if __name__ == "__main__":
    main()
