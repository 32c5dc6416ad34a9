"""Protects the server from other web pages, and its page from foreign code."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OWN_HEADER = "x-local-amplitude"
"""A page of another site cannot send it: its browser would ask first."""

_READING = frozenset({"GET", "HEAD"})
_SAME_SITE = frozenset({"none", "same-origin"})
_SENT_UNASKED = frozenset(
    {
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/plain",
    },
)
"""Content types that a browser sends to other origins without asking them first.

It also sends bodies without a type, but never without its `Origin`."""

_OTHER_HOST = "This server only accepts requests for localhost."
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
    """Refuses requests to the page and its API that come from elsewhere.

    Args:
        application: The page.
        any_host: Whether to accept other host names than the loopback's, because the
            server listens elsewhere.
    """

    def __init__(self, application: ASGIApp, *, any_host: bool) -> None:
        self._application = application
        self._any_host = any_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer 403."""
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
        # A foreign page can point its own name here (DNS rebinding).
        if not self._any_host and not _is_loopback(headers):
            return _OTHER_HOST
        if method in _READING:
            return None
        if headers.get(_OWN_HEADER) != "1":
            return "Changes need the header `X-Local-Amplitude: 1`."
        if not _is_same_origin(headers):
            return "Changes are not accepted from other web pages."
        return None


def upload_objection(headers: Headers, *, any_host: bool) -> str | None:
    """Return why a request for Amplitude is not even read; None if it is.

    Args:
        headers: The request's headers.
        any_host: Whether to accept other host names than the loopback's.
    """
    if not any_host and not _is_loopback(headers):
        return _OTHER_HOST
    site = headers.get("sec-fetch-site", "none")
    if site not in _SAME_SITE or not _is_same_origin(headers):
        return "Events are not accepted from other web pages."
    return None


def is_sent_unasked(method: str, headers: Headers) -> bool:
    """Return whether any web page could make a browser send such a request.

    Browsers add the origin to nearly all of them; the others are not stored.
    """
    if headers.get(_OWN_HEADER) == "1":
        return False
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return method in _READING or (method == "POST" and kind in _SENT_UNASKED)


def _is_same_origin(headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc == headers.get("host", "")
    except ValueError:
        return False


def _is_loopback(headers: Headers) -> bool:
    name = _name_of(headers.get("host", ""))
    if name is None:
        return False
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name_of(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
