"""The local Amplitude in the language of HTTP: one ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from typing import TYPE_CHECKING, cast

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from target_amplitude_nami.local.http.guard import (
    Guard,
    is_sent_unasked,
    upload_objection,
)
from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.model import Request
from target_amplitude_nami.local.page import files
from target_amplitude_nami.local.page.api import Api
from target_amplitude_nami.local.page.live import Notifier

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from target_amplitude_nami.local.faults.injector import FaultInjector
    from target_amplitude_nami.local.http.request_handler import Reply, RequestHandler
    from target_amplitude_nami.local.queries.reader import Reader

_TRANSPORT = "local_amplitude.transport"

# Past this length a body is over every limit, and its rest need not be kept.
_MAX_KEPT_BYTES = limits.BATCH.max_bytes + 1

_CUT_BYTES = 64
"""How much more a cut answer promises than it sends."""


_NEEDS_HEADER = (
    "Forms and GET need the header `X-Local-Amplitude: 1` here, "
    "because a web page could send them without it."
)


class Connection(H11Protocol):
    """HTTP/1.1 that shows the application its transport, to drop the line with."""

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


class Application:
    """Hands requests to the desk and its replies back; shows the page beside.

    Args:
        desk: Where requests to Amplitude are taken in.
        reader: Where the page's answers come from.
        script: The faults that are played.
        region: The region that the server stands for.
        any_host: Whether requests may be for any host.
    """

    def __init__(
        self,
        handler: RequestHandler,
        reader: Reader,
        injector: FaultInjector,
        *,
        region: str,
        any_host: bool,
    ) -> None:
        self._handler = handler
        self._any_host = any_host
        self._notifier = Notifier()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = asyncio.Event()
        self._reading: set[asyncio.Transport] = set()
        api = Api(reader, injector, self._notifier, self._closing, region)
        page = Starlette(
            routes=[
                Mount("/api", app=api.application()),
                Mount("/page", app=files.Files()),
                Route("/favicon.ico", files.no_icon),
                Route("/", files.front),
            ],
            exception_handlers={404: files.nothing_there, 405: files.nothing_there},
        )
        self._page: ASGIApp = Guard(page, any_host=any_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI calls it."""
        self._loop = asyncio.get_running_loop()
        if _is_for_the_page(scope["path"], scope["method"]):
            await self._page(scope, receive, send)
        else:
            await self._ingest(scope, receive, send)

    def close(self) -> None:
        """Give up on requests that are delayed or half there.

        It is called from another thread, and the server waits for what is left.
        """
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._give_up)

    def _give_up(self) -> None:
        self._closing.set()
        self._notifier.notify()
        for transport in self._reading:
            transport.abort()

    async def _ingest(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        why = upload_objection(headers, any_host=self._any_host)
        if why is not None:
            await _turn_away(why, scope, receive, send)
        elif is_sent_unasked(scope["method"], headers):
            await self._answer_alone(scope, receive, send)
        else:
            await self._take(scope, receive, send)

    async def _answer_alone(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that any web page could have sent; keep nothing of it."""
        if scope["path"] == limits.IDENTIFY_API.path:
            await _turn_away(_NEEDS_HEADER, scope, receive, send)
            return
        request = await self._read(scope, receive, None)
        if request is not None:
            await _answer(self._handler.refuse(request), send)

    async def _take(self, scope: Scope, receive: Receive, send: Send) -> None:
        slow = self._handler.meet_head(scope["path"])
        rate = None if slow is None else slow.do.read_rate
        request = await self._read(scope, receive, rate)
        if request is None:
            return
        started = time.perf_counter()
        fault = self._handler.meet(request, slow)
        if fault is not None and await self._is_closed_within(fault.do.delay):
            await _drop(scope, receive)
            return
        reply = self._handler.serve(request, fault, started)
        self._notifier.notify()
        if reply is None:
            await _drop(scope, receive)
            return
        await _answer(reply, send)
        if reply.cut:
            _transport(scope).close()
            await _until_gone(receive)

    async def _read(
        self,
        scope: Scope,
        receive: Receive,
        rate: int | None,
    ) -> Request | None:
        transport = _transport(scope)
        if self._closing.is_set():
            transport.abort()
        self._reading.add(transport)

        async def receive_slowly() -> Message:
            message = await receive()
            await self._is_closed_within(len(message.get("body", b"")) / (rate or 1))
            return message

        try:
            return await _whole(scope, receive if rate is None else receive_slowly)
        finally:
            self._reading.remove(transport)

    async def _is_closed_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return False
        return True


async def _turn_away(why: str, scope: Scope, receive: Receive, send: Send) -> None:
    answer = JSONResponse({"code": 403, "error": why}, 403)
    await answer(scope, receive, send)


async def _whole(scope: Scope, receive: Receive) -> Request | None:
    """Return the whole request, or None if the client went away before its end."""
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


async def _answer(reply: Reply, send: Send) -> None:
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


async def _drop(scope: Scope, receive: Receive) -> None:
    """Reset the connection: the client gets no answer and no farewell."""
    transport = _transport(scope)
    connection = transport.get_extra_info("socket")
    # With no time to linger, closing sends RST instead of FIN.
    with contextlib.suppress(OSError):  # the client has left before
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()
    await _until_gone(receive)


async def _until_gone(receive: Receive) -> None:
    """Wait for the end of a connection; before it, the server would miss an answer."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _is_for_the_page(path: str, method: str) -> bool:
    if path.startswith(("/api/", "/page/")):
        return True
    return path in {"/", "/favicon.ico"} and method in {"GET", "HEAD"}


def _transport(scope: Scope) -> asyncio.Transport:
    return cast("asyncio.Transport", scope["extensions"][_TRANSPORT])
