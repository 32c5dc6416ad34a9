"""Reads requests from HTTP connections and sends replies, or breaks the connection."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.h11_impl import H11Protocol

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.model import Request

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Message, Receive, Scope, Send

    from target_amplitude_nami.local.http.request_handler import Reply

_TRANSPORT = "local_amplitude.transport"

# A longer body exceeds every limit, and the rest of it need not be kept.
_MAX_KEPT_BYTES = limits.BATCH.max_bytes + 1

_CUT_BYTES = 64
"""How many more bytes a truncated answer announces than it sends."""


class Connection(H11Protocol):
    """An HTTP/1.1 connection that gives the application its transport.

    With it the application can drop the connection.
    """

    def connection_made(  # type: ignore[override]
        self,
        transport: asyncio.Transport,
    ) -> None:
        """Wrap the application for this connection."""
        super().connection_made(transport)
        application = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[_TRANSPORT] = transport
            await application(scope, receive, send)

        self.app = with_transport


def transport_of(scope: Scope) -> asyncio.Transport:
    """Return the transport of a request's connection."""
    return cast("asyncio.Transport", scope["extensions"][_TRANSPORT])


async def read_request(scope: Scope, receive: Receive) -> Request | None:
    """Return the whole request, or None if the client disconnects before its end."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if len(body) < _MAX_KEPT_BYTES:
            body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
    }
    return Request(
        scope["method"],
        scope["path"],
        headers,
        bytes(body),
        scope["query_string"],
        scope["client"][0],
    )


async def send_reply(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    """Send a reply, or only its beginning where it is to be cut."""
    length = len(reply.body) + (_CUT_BYTES if reply.cut else 0)
    headers = {
        "access-control-allow-origin": "*",
        "content-type": reply.media_type,
        "content-length": str(length),
        **reply.headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [
                (name.encode("latin-1"), value.encode("latin-1"))
                for name, value in headers.items()
            ],
        },
    )
    body: Message = {"type": "http.response.body", "body": reply.body}
    await send({**body, "more_body": reply.cut})
    if reply.cut:
        transport_of(scope).close()
        await _wait_for_disconnect(receive)


async def reset(scope: Scope, receive: Receive) -> None:
    """Reset the connection; the client gets no answer."""
    transport = transport_of(scope)
    connection = transport.get_extra_info("socket")
    # With no time to linger, closing sends RST instead of FIN.
    with contextlib.suppress(OSError):  # the client has left before
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    await _wait_for_disconnect(receive)


async def _wait_for_disconnect(receive: Receive) -> None:
    """Wait for the end of a connection; uvicorn would complain without an answer."""
    while (await receive())["type"] != "http.disconnect":
        pass
