"""A real HTTP server on loopback that answers by script, and misbehaves by script."""

from __future__ import annotations

import dataclasses
import gzip
import json
import socket
import struct
import threading
import typing as t
from collections import deque
from http.client import parse_headers

if t.TYPE_CHECKING:
    import io
    import ssl
    from email.message import Message
    from types import TracebackType

Fault: t.TypeAlias = t.Literal[
    "reset before", "reset after", "cut body", "silence", "slow to read"
]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_PATIENCE_SECONDS = 30


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What the server says to one request, or does instead."""

    status: int = 200
    body: bytes = b""
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    fault: Fault | None = None
    seconds: float = 0.0
    """How long a slow server pauses before it reads each piece of a body."""
    pieces: int = 1
    wire: t.Iterable[bytes] = ()
    """The answer as it is sent instead, with a pause of `seconds` before each piece."""


@dataclasses.dataclass(frozen=True, slots=True)
class Received:
    """A request as the server took it."""

    path: str
    headers: Message
    raw: bytes

    @property
    def body(self) -> bytes:
        """The body, decompressed."""
        is_gzip = self.headers["Content-Encoding"] == "gzip"
        return gzip.decompress(self.raw) if is_gzip else self.raw

    @property
    def events(self) -> list[t.Any]:
        """The events that it holds."""
        events: list[t.Any] = json.loads(self.body)["events"]
        return events


def reply(status: int, body: object = b"", **headers: str) -> Reply:
    """Return a reply with a JSON body, or with one of bytes as they are.

    An underscore in a header's name stands for a dash.
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(
        status,
        content,
        {name.replace("_", "-"): text for name, text in headers.items()},
    )


class ScriptedServer:
    """Answers each request with the next reply, and takes all once there is none."""

    def __init__(
        self,
        *replies: Reply,
        tls: ssl.SSLContext | None = None,
        buffer_bytes: int | None = None,
        on_connect: bytes = b"",
    ) -> None:
        """Listen on a free port.

        Args:
            replies: What it answers.
            tls: Makes it an HTTPS server.
            buffer_bytes: How much the system takes that the server has not read.
            on_connect: What a CONNECT request, as to a proxy, is answered with.
        """
        self.received: list[Received] = []
        self._replies = deque(replies)
        self._tls = tls
        self._on_connect = on_connect
        self._end = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        if buffer_bytes is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        """Host and port."""
        self._threads = [threading.Thread(target=self._accept)]
        self._connections: list[socket.socket] = []

    @property
    def connections(self) -> int:
        """How many connections were made to it."""
        return len(self._connections)

    @property
    def url(self) -> str:
        """Where events go."""
        return f"{'https' if self._tls else 'http'}://{self.address}/2/httpapi"

    def __enter__(self) -> t.Self:
        self._threads[0].start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while not self._end.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=[connection])
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE_SECONDS)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as stream:
                while self._take(connection, stream):
                    pass
        except OSError:
            connection.close()

    def _take(self, connection: socket.socket, stream: io.BufferedReader) -> bool:
        """Take one request; return whether the connection goes on."""
        first_line = stream.readline()
        if first_line.startswith(b"CONNECT "):
            parse_headers(stream)
            connection.sendall(self._on_connect)
        if not first_line.endswith(b" HTTP/1.1\r\n") or self._on_connect:
            return False
        answer = self._replies.popleft() if self._replies else None
        fault = answer.fault if answer is not None else None
        if fault == "reset before":
            return _reset(connection)
        headers = parse_headers(stream)
        raw = self._read(stream, int(headers["Content-Length"] or 0), answer or Reply())
        request = Received(first_line.split()[1].decode(), headers, raw)
        self.received.append(request)
        if fault == "reset after":
            return _reset(connection)
        if fault == "silence":
            self._end.wait(_PATIENCE_SECONDS)
        if self._end.is_set():
            return False
        if answer is None or fault == "slow to read":
            answer = accepted(len(request.events))
        self._say(connection, answer)
        return fault is None or fault == "slow to read"

    def _say(self, connection: socket.socket, answer: Reply) -> None:
        if answer.wire:
            for piece in answer.wire:
                self._end.wait(answer.seconds)
                connection.sendall(piece)
            return
        length = len(answer.body) + (10 if answer.fault == "cut body" else 0)
        head = [
            f"HTTP/1.1 {answer.status} Scripted",
            f"Content-Length: {length}",
            *(f"{name}: {text}" for name, text in answer.headers.items()),
        ]
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + answer.body)

    def _read(self, stream: io.BufferedReader, length: int, answer: Reply) -> bytes:
        pieces = []
        size = -(-length // answer.pieces)
        for start in range(0, length, max(1, size)):
            self._end.wait(answer.seconds)
            pieces.append(stream.read(min(size, length - start)))
        return b"".join(pieces)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def accepted(count: int) -> Reply:
    """Return what Amplitude says when it takes so many events."""
    return reply(
        200,
        {
            "code": 200,
            "events_ingested": count,
            "payload_size_bytes": 50,
            "server_upload_time": 1_396_381_378_123,
        },
        Content_Type="application/json",
    )


def _reset(connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.close()
    return False
