"""The JSON API of the page."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from target_amplitude_nami.local.faults import FaultError, Faults
from target_amplitude_nami.local.faults.presets import PRESETS
from target_amplitude_nami.local.page import live
from target_amplitude_nami.local.queries import figures, growth, lists, users

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from starlette.datastructures import QueryParams
    from starlette.requests import Request

    from target_amplitude_nami.local.faults.injector import FaultInjector
    from target_amplitude_nami.local.queries.reader import Reader

_MOST_ROWS = 500
_WHOLE = re.compile(r"-?\d{1,18}")
_PLACE = re.compile(r"(-?\d{1,18})(?:\.(\d{1,18}))?")
_STATUS = re.compile(r"|refused|\d{1,3}")
_MOST_FAULTS_BYTES = 1_000_000


class AskedWronglyError(Exception):
    """A request that the API does not understand; the message says why."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """Answers the page's questions from the file, and switches faults.

    Args:
        reader: Where the answers come from.
        script: The faults that are played.
        notifier: What rings when something arrived.
        closing_down: Set when the server is about to end.
        region: The region that the server stands for.
    """

    def __init__(
        self,
        reader: Reader,
        injector: FaultInjector,
        notifier: live.Notifier,
        closing_down: asyncio.Event,
        region: str,
    ) -> None:
        self._reader = reader
        self._injector = injector
        self._notifier = notifier
        self._closing_down = closing_down
        self._region = region

    def application(self) -> Starlette:
        """Return the API as an ASGI application."""
        look = self._look
        return Starlette(
            routes=[
                Route("/state", look(self._state)),
                Route("/overview", look(_overview)),
                Route("/events", look(_events)),
                Route("/events/{number:int}", look(_event)),
                Route("/users", look(_users)),
                Route("/users/{key:int}", look(_user)),
                Route("/requests", look(_requests)),
                Route("/requests/{number:int}", look(_request)),
                Route("/subscriptions", look(_subscriptions)),
                Route("/live", self._live),
                Route("/faults", self._read_faults),
                Route("/faults", self._replace_faults, methods=["PUT"]),
                Route("/faults/{id}", self._switch_fault, methods=["POST"]),
            ],
            exception_handlers={
                AskedWronglyError: _say_why,
                sqlite3.Error: _say_trouble,
                404: _say_no_such_thing,
                405: _say_no_such_thing,
            },
        )

    def _look(
        self,
        ask: Callable[[sqlite3.Connection, Request], object],
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that answers from the file, in a thread of its own."""

        def look(request: Request) -> bytes:
            with closing(self._reader.connect()) as connection:
                # One view of the file, whatever arrives meanwhile.
                connection.execute("BEGIN")
                found = ask(connection, request)
            if found is None:
                raise AskedWronglyError("There is no such thing here.", 404)
            return msgspec.json.encode(found)

        async def endpoint(request: Request) -> Response:
            return _json(await run_in_threadpool(look, request))

        return endpoint

    def _state(self, connection: sqlite3.Connection, _: Request) -> object:
        return figures.state(connection, self._reader.path.name, self._region)

    async def _live(self, request: Request) -> Response:
        resumed = request.headers.get("last-event-id")
        asked = request.query_params.get("after")
        after = _number("after", resumed if resumed is not None else asked)
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
        document = await _document(request)
        try:
            self._injector.play(Faults.from_rules(document))
        except FaultError as error:
            raise AskedWronglyError(str(error)) from error
        return self._faults()

    async def _switch_fault(self, request: Request) -> Response:
        document = await _document(request)
        enabled = document.get("enabled") if isinstance(document, dict) else None
        if not isinstance(enabled, bool):
            raise AskedWronglyError("`enabled` has to be true or false.")
        if not self._injector.switch(request.path_params["id"], enabled=enabled):
            raise AskedWronglyError("There is no fault of this id.", 404)
        return self._faults()

    def _faults(self) -> Response:
        rules = [
            {**msgspec.structs.asdict(fault), "hits": hits}
            for fault, hits in self._injector.roles()
        ]
        return _json(msgspec.json.encode({"rules": rules, "presets": PRESETS}))


def _overview(connection: sqlite3.Connection, request: Request) -> object:
    return figures.overview(connection, _wanted(request.query_params))


def _subscriptions(connection: sqlite3.Connection, request: Request) -> object:
    return growth.subscriptions(connection, _wanted(request.query_params))


def _events(connection: sqlite3.Connection, request: Request) -> object:
    return lists.events(connection, _wanted(request.query_params))


def _event(connection: sqlite3.Connection, request: Request) -> object:
    return lists.event(connection, _of_path(request, "number"))


def _users(connection: sqlite3.Connection, request: Request) -> object:
    asked = request.query_params
    wanted = _wanted(asked)
    before = wanted.before[0] if wanted.before else None
    return users.users(connection, asked.get("q", "").strip(), before, wanted.limit)


def _user(connection: sqlite3.Connection, request: Request) -> object:
    number = _of_path(request, "key")
    return users.user(connection, number, _wanted(request.query_params))


def _requests(connection: sqlite3.Connection, request: Request) -> object:
    asked = request.query_params
    status = asked.get("status", "")
    if not _STATUS.fullmatch(status):
        raise AskedWronglyError("`status` has to be a number or `refused`.")
    return lists.requests(connection, _wanted(asked), status)


def _request(connection: sqlite3.Connection, request: Request) -> object:
    return lists.request(connection, _of_path(request, "number"))


def _wanted(asked: QueryParams) -> lists.Wanted:
    """Return which rows are asked for.

    Raises:
        AskedWronglyError: A parameter has another form.
    """
    since, until = _number("from", asked.get("from")), _number("to", asked.get("to"))
    limit = _number("limit", asked.get("limit"))
    place = asked.get("before", "")
    found = _PLACE.fullmatch(place)
    if place and not found:
        raise AskedWronglyError("`before` has to be what a list gave as `next`.")
    parts = [int(part) for part in found.groups() if part] if found else []
    return lists.Wanted(
        since=lists.FIRST_MOMENT if since is None else since,
        until=lists.LAST_MOMENT if until is None else until,
        types=tuple(name for name in asked.getlist("type") if name),
        user=_number("user", asked.get("user")),
        request=_number("request", asked.get("request")),
        before=tuple(parts),
        limit=100 if limit is None else max(1, min(limit, _MOST_ROWS)),
    )


def _number(name: str, text: str | None) -> int | None:
    if not text:
        return None
    if not _WHOLE.fullmatch(text):
        raise AskedWronglyError(f"`{name}` has to be a whole number.")
    return int(text)


def _of_path(request: Request, name: str) -> int:
    number: int = request.path_params[name]
    return min(number, lists.LAST_MOMENT)


async def _document(request: Request) -> Any:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_FAULTS_BYTES:
            raise AskedWronglyError("That is too much.", 413)
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise AskedWronglyError(f"The body is no JSON: {error}.") from error


def _json(body: bytes, status: int = 200) -> Response:
    headers = {"cache-control": "no-store"}
    return Response(body, status, headers, media_type="application/json")


async def _say_why(_: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, AskedWronglyError) else 400
    return _json(msgspec.json.encode({"error": str(error)}), status)


async def _say_trouble(_: Request, error: Exception) -> Response:
    text = f"The file cannot be read: {error}."
    return _json(msgspec.json.encode({"error": text}), 503)


async def _say_no_such_thing(_: Request, error: Exception) -> Response:
    status = getattr(error, "status_code", 404)
    return _json(msgspec.json.encode({"error": "There is no such thing here."}), status)
