"""Routes each HTTP request to ingestion or to the page, as one ASGI application."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from target_amplitude_nami.local.http.account import PREFIX, AccountApis
from target_amplitude_nami.local.http.connection import (
    read_request,
    reset,
    send_reply,
    transport_of,
)
from target_amplitude_nami.local.http.guard import (
    Guard,
    is_sent_unasked,
    upload_objection,
)
from target_amplitude_nami.local.page import files
from target_amplitude_nami.local.page.api import Api
from target_amplitude_nami.local.page.live import Notifier

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from target_amplitude_nami.local.faults.injector import FaultInjector
    from target_amplitude_nami.local.http.account import Keys
    from target_amplitude_nami.local.http.deletions import Deletions
    from target_amplitude_nami.local.http.request_handler import RequestHandler
    from target_amplitude_nami.local.model import Request
    from target_amplitude_nami.local.page.explanations import Explainers
    from target_amplitude_nami.local.queries.reader import Reader
    from target_amplitude_nami.local.run_note import RunFiles


class Application:
    """Passes requests for Amplitude to the handler, and serves the page.

    Args:
        handler: Handles requests for Amplitude.
        reader: Opens the file for the page.
        injector: Holds the faults, which the page can change.
        deletions: Deletes users on request.
        region: The region that the server stands for.
        any_host: Whether to accept requests for any host name.
        keys: The keys that exist.
        export_bytes: The most bytes of JSON that one export may have.
        explainers: Explain events and rejects.
        run_files: The report and the rejects of the run that sent the events.
    """

    def __init__(  # noqa: PLR0913
        self,
        handler: RequestHandler,
        reader: Reader,
        injector: FaultInjector,
        deletions: Deletions,
        *,
        region: str,
        any_host: bool,
        keys: Keys,
        export_bytes: int,
        explainers: Explainers,
        run_files: RunFiles,
    ) -> None:
        self._handler = handler
        self._any_host = any_host
        self._notifier = Notifier()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = asyncio.Event()
        self._reading: set[asyncio.Transport] = set()
        self._account: ASGIApp = AccountApis(
            reader,
            injector,
            deletions,
            keys=keys,
            any_host=any_host,
            export_bytes=export_bytes,
            is_closed_within=self._is_closed_within,
        )
        api = Api(
            reader,
            injector,
            self._notifier,
            self._closing,
            region,
            explainers,
            run_files=run_files,
        )
        page = Starlette(
            routes=[
                Mount("/api", app=api.application()),
                Mount("/page", app=files.Files()),
                Route("/favicon.ico", files.no_icon),
                Route("/", files.front),
            ],
            exception_handlers={404: files.not_found, 405: files.not_found},
        )
        self._page: ASGIApp = Guard(page, any_host=any_host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as ASGI calls it."""
        self._loop = asyncio.get_running_loop()
        if scope["path"].startswith(PREFIX):
            await self._answer_account(scope, receive, send)
        elif _is_for_the_page(scope["path"], scope["method"]):
            await self._page(scope, receive, send)
        else:
            await self._ingest(scope, receive, send)

    def close(self) -> None:
        """Abort delayed and unfinished requests, for which the server would wait.

        It may be called from any thread.
        """
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._abort)

    def _abort(self) -> None:
        self._closing.set()
        self._notifier.notify()
        for transport in self._reading:
            transport.abort()

    async def _answer_account(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = transport_of(scope)
        self._reading.add(transport)  # a long export must not keep the server open
        try:
            await self._account(scope, receive, send)
        finally:
            self._reading.discard(transport)

    async def _ingest(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        objection = upload_objection(headers, any_host=self._any_host)
        if objection is not None:
            answer = JSONResponse({"code": 403, "error": objection}, 403)
            await answer(scope, receive, send)
        elif is_sent_unasked(scope["method"], headers):
            await self._refuse(scope, receive, send)
        else:
            await self._handle(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that any web page could have sent; store nothing of it."""
        request = await self._read(scope, receive, None)
        if request is not None:
            await send_reply(self._handler.refuse(request), scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        slow = self._handler.slow_fault(scope["path"])
        rate = None if slow is None else slow.do.read_rate
        request = await self._read(scope, receive, rate)
        if request is None:
            return
        started = time.perf_counter()
        fault = self._handler.count(request, slow)
        if fault is not None and await self._is_closed_within(fault.do.delay):
            await reset(scope, receive)
            return
        reply = self._handler.handle(request, fault, started)
        self._notifier.notify()
        if reply is None:
            await reset(scope, receive)
        else:
            await send_reply(reply, scope, receive, send)

    async def _read(
        self,
        scope: Scope,
        receive: Receive,
        rate: int | None,
    ) -> Request | None:
        """Read a request, at so many bytes per second if a rate is given."""
        transport = transport_of(scope)
        if self._closing.is_set():
            transport.abort()
        self._reading.add(transport)

        async def receive_slowly() -> Message:
            message = await receive()
            await self._is_closed_within(len(message.get("body", b"")) / (rate or 1))
            return message

        try:
            return await read_request(
                scope, receive if rate is None else receive_slowly
            )
        finally:
            self._reading.remove(transport)

    async def _is_closed_within(self, seconds: float) -> bool:
        """Wait for a while; return True at once when the server closes."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return False
        return True


def _is_for_the_page(path: str, method: str) -> bool:
    if path.startswith(("/api/", "/page/")):
        return True
    return path in {"/", "/favicon.ico"} and method in {"GET", "HEAD"}
