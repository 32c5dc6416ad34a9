"""Reads what a request to the JSON API of the page asks for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.local.queries.selection import (
    FIRST_MOMENT,
    LAST_MOMENT,
    Selection,
)
from target_amplitude_nami.local.queries.user_list import SORT_KEYS, UserOrder

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams
    from starlette.requests import Request

_MOST_ROWS = 500
_WHOLE = re.compile(r"-?\d{1,18}")
_PLACE = re.compile(r"(-?\d{1,18})(?:\.(\d{1,18}))?")
_STATUS = re.compile(r"|refused|\d{1,3}")
_ORDERS = frozenset({"asc", "desc"})
_MOST_BODY_BYTES = 1_000_000


class BadRequestError(Exception):
    """A request to the API is invalid; the message says why.

    Args:
        message: What is wrong.
        status: The answer's status.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def selection_of(asked: QueryParams) -> Selection:
    """Return the selection that a request asks for.

    Raises:
        BadRequestError: A parameter is invalid.
    """
    since, until = number("from", asked.get("from")), number("to", asked.get("to"))
    limit = number("limit", asked.get("limit"))
    place = asked.get("before", "")
    found = _PLACE.fullmatch(place)
    if place and not found:
        raise BadRequestError("`before` must be what a list returned as `next`.")
    parts = [int(part) for part in found.groups() if part] if found else []
    return Selection(
        since=FIRST_MOMENT if since is None else since,
        until=LAST_MOMENT if until is None else until,
        types=tuple(name for name in asked.getlist("type") if name),
        user=number("user", asked.get("user")),
        request=number("request", asked.get("request")),
        before=tuple(parts),
        limit=100 if limit is None else max(1, min(limit, _MOST_ROWS)),
    )


def user_order_of(asked: QueryParams, before: tuple[int, ...]) -> UserOrder:
    """Return the order of users that a request asks for.

    Args:
        asked: The parameters.
        before: Where the part of the list before ended.

    Raises:
        BadRequestError: A parameter is invalid.
    """
    key = asked.get("sort") or "last"
    order = asked.get("order") or ("asc" if key == "name" else "desc")
    if key not in SORT_KEYS:
        raise BadRequestError(f"`sort` must be one of {', '.join(SORT_KEYS)}.")
    if order not in _ORDERS:
        raise BadRequestError("`order` must be asc or desc.")
    return UserOrder(key, order == "desc", before)


def status_of(asked: QueryParams) -> str:
    """Return the status of requests that a request asks for: a number, or `refused`.

    Raises:
        BadRequestError: It is neither.
    """
    status = asked.get("status", "")
    if not _STATUS.fullmatch(status):
        raise BadRequestError("`status` must be a number or `refused`.")
    return status


def number_in_path(request: Request, name: str) -> int:
    """Return a number of the path, as large as the file has them."""
    number: int = request.path_params[name]
    return min(number, LAST_MOMENT)


async def document_of(request: Request) -> Any:
    """Return the JSON document of a request's body.

    Raises:
        BadRequestError: It is too large, or not JSON.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BODY_BYTES:
            raise BadRequestError("The body is too large.", 413)
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise BadRequestError(f"The body is not JSON: {error}.") from error


def number(name: str, text: str | None) -> int | None:
    """Return a parameter that is a number; None where it is missing or empty.

    Raises:
        BadRequestError: It is no number.
    """
    if not text:
        return None
    if not _WHOLE.fullmatch(text):
        raise BadRequestError(f"`{name}` must be an integer.")
    return int(text)
