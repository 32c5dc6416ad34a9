"""Amplitude's own Python client, fed the events that the bare loop sends.

Its settings are the client's defaults. It keeps whatever it is given in RAM and slows
down as that grows, so this waits after every so many events until they are sent.

    python -m benchmarks.peers.official_client http://127.0.0.1:8000/ < input.singer
"""

from __future__ import annotations

import os
import sys
from typing import Final

import msgspec
from amplitude import Amplitude, BaseEvent, Config  # type: ignore[import-untyped]

from benchmarks.peers.mapping import event_of

EVENTS_AT_A_TIME: Final = 10_000


def main() -> None:
    """Read standard input and send it."""
    client = Amplitude("benchmark", Config(server_url=sys.argv[1]))
    decode = msgspec.json.Decoder().decode
    waiting = 0
    for line in sys.stdin.buffer:
        message = decode(line)
        if message["type"] != "RECORD":
            continue
        client.track(BaseEvent(**event_of(message["record"])))
        waiting += 1
        if waiting == EVENTS_AT_A_TIME:
            _flush(client)
            waiting = 0
    _flush(client)
    client.shutdown()
    # All is sent; a thread of the client would wait out its ten seconds.
    os._exit(0)


def _flush(client: Amplitude) -> None:
    for future in client.flush():
        if future is not None:
            future.result()


if __name__ == "__main__":
    main()
