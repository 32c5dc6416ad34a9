"""Keeps foreign web pages from the page and its API, and the page from foreign code."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_READING = frozenset({"GET", "HEAD"})
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Guard:
    """Stands before the page and its API.

    Args:
        application: What it guards.
        any_host: Whether other names than the loopback's are allowed, because the
            server was told to listen elsewhere.
    """

    def __init__(self, application: ASGIApp, *, any_host: bool) -> None:
        self._application = application
        self._any_host = any_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or say why not."""
        why = self._objection(scope["method"], Headers(scope=scope))
        if why is not None:
            answer = JSONResponse({"error": why}, 403, _HEADERS)
            await answer(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._application(scope, receive, send_guarded)

    def _objection(self, method: str, headers: Headers) -> str | None:
        host = headers.get("host", "")
        # A foreign page can have its own name point here (DNS rebinding).
        if not self._any_host and _name_of(host) not in _LOOPBACK:
            return "This server answers to the names of the loopback alone."
        if method in _READING:
            return None
        if headers.get("x-local-amplitude") != "1":
            return "Changes need the header `X-Local-Amplitude: 1`."
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return "Changes are not taken from other web pages."
        return None


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
