"""A server on loopback that takes every request at once, or after a delay.

It must never be what a benchmark measures: raw sockets, one thread for a connection,
one `sendall` an answer, and it looks at a body only after the work is done. It writes
its port to standard output, then a line when the first request is there, and at the end
of standard input what it has counted, as JSON:

    python -m benchmarks.server --delay 100
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Final

_PIECE = 1 << 20
_BODY = b'{"code":200}'
"""Without a number of events, which would have to be counted."""
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    % len(_BODY)
) + _BODY
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GOODBYE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)

FIRST: Final = "first"


class Connection(threading.Thread):
    """Answers the requests of one connection, and counts them."""

    def __init__(self, peer: socket.socket, server: Server) -> None:
        super().__init__(daemon=True)
        self.requests = 0
        self.body_bytes = 0
        self.bodies: list[bytes] = []
        self._peer = peer
        self._server = server

    def run(self) -> None:
        """Serve until the other side hangs up."""
        self._peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._peer:
            while (head := self._read_head()) is not None:
                self._take(*head)
                if _GOODBYE.search(head[0]):
                    return

    def _read_head(self) -> tuple[bytes, bytes] | None:
        received = b""
        while b"\r\n\r\n" not in received:
            piece = self._peer.recv(_PIECE)
            if not piece:
                return None
            received += piece
        head, _, rest = received.partition(b"\r\n\r\n")
        return head, rest

    def _take(self, head: bytes, rest: bytes) -> None:
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        pieces, missing = [rest], size - len(rest)
        while missing > 0:
            piece = self._peer.recv(min(missing, _PIECE))
            if not piece:
                raise ConnectionResetError
            pieces.append(piece)
            missing -= len(piece)
        self._server.note_request()
        if self._server.delay:
            time.sleep(self._server.delay)
        self._peer.sendall(_ANSWER)
        self.requests += 1
        self.body_bytes += size
        if self._server.keeps_bodies:
            self.bodies.append(b"".join(pieces))


class Server:
    """Accepts connections until it is stopped."""

    def __init__(self, *, delay: float, keeps_bodies: bool) -> None:
        self.delay = delay
        self.keeps_bodies = keeps_bodies
        self._connections: list[Connection] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._has_begun = False
        self.port: int = self._listener.getsockname()[1]

    def start(self) -> None:
        """Take connections from now on."""
        threading.Thread(target=self._accept, daemon=True).start()

    def note_request(self) -> None:
        """Tell whoever started the server that there is a first request."""
        if not self._has_begun:
            self._has_begun = True
            print(FIRST, flush=True)

    def counted(self) -> dict[str, float]:
        """Return how much came, and the CPU seconds that it took."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "requests": sum(one.requests for one in self._connections),
            "body_bytes": sum(one.body_bytes for one in self._connections),
            "connections": len(self._connections),
            "cpu_seconds": used.ru_utime + used.ru_stime,
        }

    def write_bodies(self, folder: Path) -> None:
        """Write the body of each request into a file of a folder."""
        bodies = (body for one in self._connections for body in one.bodies)
        for number, body in enumerate(bodies):
            (folder / f"{number:06}.body").write_bytes(body)

    def _accept(self) -> None:
        while True:
            peer, _ = self._listener.accept()
            connection = Connection(peer, self)
            self._connections.append(connection)
            connection.start()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=int, default=0, help="ms before each answer")
    parser.add_argument("--keep", type=Path, help="folder for the requests' bodies")
    asked = parser.parse_args()
    server = Server(delay=asked.delay / 1_000, keeps_bodies=asked.keep is not None)
    server.start()
    print(server.port, flush=True)
    sys.stdin.read()
    print(json.dumps(server.counted()), flush=True)
    if asked.keep is not None:
        server.write_bodies(asked.keep)


if __name__ == "__main__":
    main()
