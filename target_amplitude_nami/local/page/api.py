"""Serves the JSON API of the page."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from target_amplitude_nami.local.faults import FaultError, Faults
from target_amplitude_nami.local.faults.presets import PRESETS
from target_amplitude_nami.local.page import live
from target_amplitude_nami.local.page.asked import (
    BadRequestError,
    document_of,
    number,
    number_in_path,
    selection_of,
    status_of,
    user_order_of,
)
from target_amplitude_nami.local.page.explanations import Explanations
from target_amplitude_nami.local.queries import figures
from target_amplitude_nami.local.queries.curl import curl_command
from target_amplitude_nami.local.queries.events import event_details, list_events
from target_amplitude_nami.local.queries.findings.finding import as_json
from target_amplitude_nami.local.queries.findings.findings import find, trust
from target_amplitude_nami.local.queries.requests import list_requests, request_details
from target_amplitude_nami.local.queries.subscriptions.view import subscriptions
from target_amplitude_nami.local.queries.user_list import list_users
from target_amplitude_nami.local.queries.users import user_details

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from target_amplitude_nami.local.faults.injector import FaultInjector
    from target_amplitude_nami.local.model import JsonObject
    from target_amplitude_nami.local.page.explanations import Explainers
    from target_amplitude_nami.local.queries.reader import Reader
    from target_amplitude_nami.local.run_note import RunFiles


class Api:
    """Answers the page's requests from the file, and changes faults.

    Args:
        reader: Opens the file.
        injector: Holds the faults.
        notifier: Notifies when something has arrived.
        closing_down: Set when the server closes.
        region: The region that the server stands for.
        explainers: Explain events and rejects.
        run_files: The report and the rejects of the run that sent the events.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all that it answers from
        self,
        reader: Reader,
        injector: FaultInjector,
        notifier: live.Notifier,
        closing_down: asyncio.Event,
        region: str,
        explainers: Explainers,
        *,
        run_files: RunFiles,
    ) -> None:
        self._reader = reader
        self._injector = injector
        self._notifier = notifier
        self._closing_down = closing_down
        self._region = region
        self._explanations = Explanations(reader, explainers, run_files)
        self._run_files = run_files

    def application(self) -> Starlette:
        """Return the API as an ASGI application."""
        from_file = self._from_file
        return Starlette(
            routes=[
                Route("/state", from_file(self._state)),
                Route("/overview", from_file(_overview)),
                Route("/events", from_file(_events)),
                Route("/events/{number:int}", from_file(_event)),
                Route("/events/{number:int}/explanation", self._explanation),
                Route("/rejects/{line:int}/explanation", self._reject_explanation),
                Route("/users", from_file(_users)),
                Route("/users/{key:int}", from_file(_user)),
                Route("/requests", from_file(_requests)),
                Route("/requests/{number:int}", from_file(_request)),
                Route("/requests/{number:int}/curl", from_file(_curl)),
                Route("/subscriptions", from_file(_subscriptions)),
                Route("/trust", from_file(self._trust)),
                Route("/findings", from_file(self._findings)),
                Route("/live", self._live),
                Route("/faults", self._read_faults),
                Route("/faults", self._replace_faults, methods=["PUT"]),
                Route("/faults/{id}", self._switch_fault, methods=["POST"]),
            ],
            exception_handlers={
                BadRequestError: _bad_request,
                sqlite3.Error: _unreadable_file,
                404: _not_found,
                405: _not_found,
            },
        )

    def _from_file(
        self,
        query: Callable[[sqlite3.Connection, Request], object],
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that runs a query on the file, in a thread of its own."""

        def answer(request: Request) -> bytes:
            with closing(self._reader.connect()) as connection:
                # One snapshot of the file, whatever arrives meanwhile.
                connection.execute("BEGIN")
                found = query(connection, request)
            if found is None:
                raise BadRequestError("Not found.", 404)
            return msgspec.json.encode(found)

        async def endpoint(request: Request) -> Response:
            return _json(await run_in_threadpool(answer, request))

        return endpoint

    def _state(self, connection: sqlite3.Connection, _: Request) -> object:
        return figures.state(connection, self._reader.path.name, self._region)

    def _trust(self, connection: sqlite3.Connection, _: Request) -> object:
        return trust(connection, self._run_files)

    def _findings(self, connection: sqlite3.Connection, _: Request) -> object:
        return as_json(find(connection, self._run_files))

    async def _explanation(self, request: Request) -> Response:
        number = number_in_path(request, "number")
        return await self._explained(self._explanations.of_event, number)

    async def _reject_explanation(self, request: Request) -> Response:
        line = number_in_path(request, "line")
        return await self._explained(self._explanations.of_reject, line)

    @staticmethod
    async def _explained(
        explain: Callable[[int], JsonObject | None], number: int
    ) -> Response:
        found = await run_in_threadpool(explain, number)
        if found is None:
            raise BadRequestError("Not found.", 404)
        return _json(msgspec.json.encode(found))

    async def _live(self, request: Request) -> Response:
        resumed = request.headers.get("last-event-id")
        asked = request.query_params.get("after")
        after = number("after", resumed if resumed is not None else asked)
        if after is None:
            after = await run_in_threadpool(live.version, self._reader)
        return StreamingResponse(
            live.stream(self._reader, self._notifier, self._closing_down, after),
            media_type="text/event-stream",
            headers={"cache-control": "no-store"},
        )

    async def _read_faults(self, _: Request) -> Response:
        return self._faults()

    async def _replace_faults(self, request: Request) -> Response:
        document = await document_of(request)
        try:
            self._injector.replace(Faults.from_rules(document))
        except FaultError as error:
            raise BadRequestError(str(error)) from error
        return self._faults()

    async def _switch_fault(self, request: Request) -> Response:
        document = await document_of(request)
        enabled = document.get("enabled") if isinstance(document, dict) else None
        if not isinstance(enabled, bool):
            raise BadRequestError("`enabled` must be true or false.")
        if not self._injector.switch(request.path_params["id"], enabled=enabled):
            raise BadRequestError("There is no fault with this id.", 404)
        return self._faults()

    def _faults(self) -> Response:
        rules = [
            {**msgspec.structs.asdict(fault), "hits": hits}
            for fault, hits in self._injector.hits()
        ]
        return _json(msgspec.json.encode({"rules": rules, "presets": PRESETS}))


def _overview(connection: sqlite3.Connection, request: Request) -> object:
    return figures.overview(connection, selection_of(request.query_params))


def _subscriptions(connection: sqlite3.Connection, request: Request) -> object:
    return subscriptions(connection, selection_of(request.query_params))


def _events(connection: sqlite3.Connection, request: Request) -> object:
    return list_events(connection, selection_of(request.query_params))


def _event(connection: sqlite3.Connection, request: Request) -> object:
    return event_details(connection, number_in_path(request, "number"))


def _users(connection: sqlite3.Connection, request: Request) -> object:
    asked = request.query_params
    selection = selection_of(asked)
    order = user_order_of(asked, selection.before)
    text = asked.get("q", "").strip()
    return list_users(connection, text, order, selection.limit)


def _user(connection: sqlite3.Connection, request: Request) -> object:
    number = number_in_path(request, "key")
    return user_details(connection, number, selection_of(request.query_params))


def _requests(connection: sqlite3.Connection, request: Request) -> object:
    asked = request.query_params
    status = status_of(asked)
    return list_requests(connection, selection_of(asked), status)


def _request(connection: sqlite3.Connection, request: Request) -> object:
    number = number_in_path(request, "number")
    return request_details(connection, number, selection_of(request.query_params))


def _curl(connection: sqlite3.Connection, request: Request) -> object:
    server = f"{request.url.scheme}://{request.url.netloc}"
    return curl_command(connection, number_in_path(request, "number"), server)


def _json(body: bytes, status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(body, status, headers, media_type="application/json")


async def _bad_request(_: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, BadRequestError) else 400
    return _json(msgspec.json.encode({"error": str(error)}), status)


async def _unreadable_file(_: Request, error: Exception) -> Response:
    text = f"The file cannot be read: {error}."
    return _json(msgspec.json.encode({"error": text}), 503)


async def _not_found(_: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return _json(msgspec.json.encode({"error": "Not found."}), status)
