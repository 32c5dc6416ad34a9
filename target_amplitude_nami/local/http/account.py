"""Serves the APIs that take a project's API key and secret key.

Those are the Export API and the User Privacy API.
"""

from __future__ import annotations

import base64
import binascii
import sqlite3
from typing import TYPE_CHECKING

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, Response, StreamingResponse

from target_amplitude_nami.local.http.connection import (
    read_request,
    reset,
    transport_of,
)
from target_amplitude_nami.local.http.guard import upload_objection
from target_amplitude_nami.local.model import RefusedError, project_of
from target_amplitude_nami.local.queries.archive import HOUR, Archive, hour_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from starlette.types import Receive, Scope, Send

    from target_amplitude_nami.local.faults import Fault
    from target_amplitude_nami.local.faults.injector import FaultInjector
    from target_amplitude_nami.local.http.deletions import Deletions
    from target_amplitude_nami.local.queries.reader import Reader

PREFIX = "/api/2/"
"""What the paths of these APIs begin with."""
EXPORT = PREFIX + "export"
DELETIONS = PREFIX + "deletions/users"

_METHODS = {EXPORT: {"GET"}, DELETIONS: {"GET", "POST"}}
_MOST_DAYS = 365
_WITHOUT_CREDENTIALS = 401
_WRONG_CREDENTIALS = 403
_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class Keys:
    """The API keys that exist, and the secret keys that belong to them.

    Args:
        keys: As `KEY` or `KEY/SECRET`; None accepts any.
    """

    def __init__(self, keys: Iterable[str] | None) -> None:
        self._secrets = None
        if keys is not None:
            parts = [key.partition("/") for key in keys]
            self._secrets = {key: secret for key, _, secret in parts}

    @property
    def api_keys(self) -> frozenset[str] | None:
        """The API keys; None for any."""
        return None if self._secrets is None else frozenset(self._secrets)

    def accept(self, api_key: str, secret: str) -> bool:
        """Return whether two keys belong together; without a secret, any does."""
        if self._secrets is None:
            return bool(api_key and secret)
        known = self._secrets.get(api_key)
        return known is not None and secret != "" and known in {"", secret}


class AccountApis:
    """Answers requests of the account APIs.

    They are neither logged nor counted among the requests of ingestion, and only faults
    that name their path strike them.

    Args:
        reader: Opens the file.
        injector: Decides which fault strikes which request.
        deletions: Deletes users.
        keys: The keys that exist.
        any_host: Whether to accept requests for any host name.
        export_bytes: The most bytes of JSON that one export may have.
        is_closed_within: Waits for some seconds; returns True when the server closes.
    """

    def __init__(  # noqa: PLR0913
        self,
        reader: Reader,
        injector: FaultInjector,
        deletions: Deletions,
        *,
        keys: Keys,
        any_host: bool,
        export_bytes: int,
        is_closed_within: Callable[[float], Awaitable[bool]],
    ) -> None:
        self._reader = reader
        self._injector = injector
        self._deletions = deletions
        self._keys = keys
        self._any_host = any_host
        self._export_bytes = export_bytes
        self._is_closed_within = is_closed_within
        self._arrived = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI calls it."""
        headers = Headers(scope=scope)
        objection = upload_objection(headers, any_host=self._any_host)
        if objection is not None:
            await _refusal(403, objection)(scope, receive, send)
            return
        self._arrived += 1
        fault = self._injector.next_naming(self._arrived, scope["path"])
        if fault is not None and (
            await self._is_closed_within(fault.do.delay) or fault.do.reset
        ):
            await reset(scope, receive)
            return
        answer: Response | None = _scripted(fault) or self._refusal(scope, headers)
        if answer is None and scope["path"] == DELETIONS:
            answer = await self._delete(scope, receive, headers)
        if answer is None:
            answer = await self._export(scope, headers, fault)
        await answer(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """Return the answer to a request without the right keys, or for no API."""
        credentials = _credentials(headers)
        if credentials is None:
            return _refusal(
                _WITHOUT_CREDENTIALS,
                "Basic authentication with API key and secret key is needed",
                {"www-authenticate": 'Basic realm="Amplitude"'},
            )
        if not self._keys.accept(*credentials):
            return _refusal(_WRONG_CREDENTIALS, "These keys are not of one project")
        if scope["method"] not in _METHODS.get(scope["path"], ()):
            return _refusal(404, "There is no such API")
        return None

    async def _delete(
        self, scope: Scope, receive: Receive, headers: Headers
    ) -> Response:
        api_key, _ = _credentials(headers) or ("", "")
        project = project_of(api_key)
        request = await read_request(scope, receive)
        try:
            if request is None or request.method == "GET":
                query = QueryParams(scope["query_string"])
                return JSONResponse(
                    self._deletions.list(project, query), headers=_HEADERS
                )
            jobs = self._deletions.delete(project, request.body)
            return JSONResponse(jobs, headers=_HEADERS)
        except RefusedError as refused:
            return JSONResponse(refused.answer.content, refused.answer.status, _HEADERS)
        except sqlite3.Error as error:
            return _refusal(503, f"The file cannot be written: {error}")

    async def _export(
        self, scope: Scope, headers: Headers, fault: Fault | None
    ) -> Response:
        span = _span(QueryParams(scope["query_string"]))
        if isinstance(span, str):
            return _refusal(400, span)
        api_key, _ = _credentials(headers) or ("", "")
        archive = Archive(self._reader, project_of(api_key), *span)
        try:
            size = await run_in_threadpool(archive.size)
        except sqlite3.Error as error:
            return _refusal(503, f"The file cannot be read: {error}")
        if size > self._export_bytes:
            return _refusal(400, "The export is too large: ask for a shorter span")
        if not size:
            return Response("Raw data files were not found.", 404, _HEADERS)
        pieces = iterate_in_threadpool(archive.pieces())
        if fault is not None and fault.do.cut:
            pieces = _cut(pieces, scope)
        return StreamingResponse(pieces, headers=_HEADERS, media_type="application/zip")


def _scripted(fault: Fault | None) -> Response | None:
    """Return the answer that a fault gives in the place of the API's, if it does."""
    if fault is None or fault.do.status is None:
        return None
    do, status = fault.do, fault.do.status
    return Response(do.body, status, do.headers, media_type=do.media_type)


def _credentials(headers: Headers) -> tuple[str, str] | None:
    scheme, _, text = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(text.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    api_key, colon, secret = decoded.partition(":")
    return (api_key, secret) if colon else None


def _span(asked: QueryParams) -> tuple[int, int] | str:
    """Return the first second of a span and the first one after it, or what is wrong.

    Both hours belong to it, and it has 365 days or less (Export API).
    """
    start, end = hour_in(asked.get("start", "")), hour_in(asked.get("end", ""))
    if start is None or end is None:
        return "`start` and `end` have to be hours such as 20261123T14"
    if end < start:
        return "`end` is before `start`"
    if end + HOUR - start > _MOST_DAYS * 24 * HOUR:
        return f"The span has more than {_MOST_DAYS} days"
    return start, end + HOUR


async def _cut(pieces: AsyncIterator[bytes], scope: Scope) -> AsyncIterator[bytes]:
    """Yield half of the first piece, then drop the connection."""
    async for piece in pieces:
        yield piece[: len(piece) // 2]
        transport_of(scope).close()
        break


def _refusal(
    status: int, error: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    content = {"code": status, "error": error}
    return JSONResponse(content, status, _HEADERS | (headers or {}))
