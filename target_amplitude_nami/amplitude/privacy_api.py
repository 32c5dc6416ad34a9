"""Asks Amplitude to delete users: the User Privacy API, version 1.

Source: Amplitude docs, "User Privacy API". Version 2 always deletes in all projects of
the organisation.
"""

from __future__ import annotations

import datetime as dt
import json
import time
import typing as t

import msgspec

from target_amplitude_nami.errors import RequestFailed

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from target_amplitude_nami.amplitude.account_api import AccountApi
    from target_amplitude_nami.amplitude.account_connection import Answer

PATH: t.Final = "/api/2/deletions/users"
MOST_IDS: t.Final = 100
"""In one request."""
_SECONDS_BETWEEN_REQUESTS: t.Final = 1.0
_BAD_REQUEST: t.Final = 400
DAYS_OF_STATUS: t.Final = 30
"""A job runs within 30 days after it was asked for."""


class DeletedId(msgspec.Struct, frozen=True):
    """A user in a deletion job."""

    amplitude_id: int | str
    requested_on_day: str = ""
    requester: str = ""


class Job(msgspec.Struct, frozen=True):
    """A deletion job; many requests may share it."""

    day: str
    """When it is to begin."""
    status: str
    """`staging`, `submitted` or `done`."""
    amplitude_ids: list[DeletedId] = []
    invalid_ids: list[int | str] = []
    """Those of a request that Amplitude does not know."""


def deletion_of(user_ids: Sequence[str], requester: str) -> dict[str, object]:
    """Return the request that deletes users in the project of the keys.

    Ids that the project does not have are ignored, so that the request can be repeated.
    Booleans are sent as text: others are refused, say users of the API.
    """
    return {
        "user_ids": [*user_ids],
        "requester": requester,
        "ignore_invalid_id": "true",
    }


def requests_for(user_ids: Sequence[str], requester: str) -> list[dict[str, object]]:
    """Return the requests that delete any number of users."""
    return [
        deletion_of(user_ids[start : start + MOST_IDS], requester)
        for start in range(0, len(user_ids), MOST_IDS)
    ]


def delete(
    api: AccountApi,
    requests: Iterable[dict[str, object]],
    *,
    sleep: Callable[[float], object] = time.sleep,
) -> list[Job]:
    """Send requests, no more than Amplitude allows, and return the jobs.

    Raises:
        RequestFailed: When Amplitude refuses one, or cannot be reached.
    """
    jobs: list[Job] = []
    for number, document in enumerate(requests):
        if number:
            sleep(_SECONDS_BETWEEN_REQUESTS)
        answer = api.ask(
            "POST", PATH, document=document, handled=frozenset({_BAD_REQUEST})
        )
        if answer.status == _BAD_REQUEST:
            raise RequestFailed(
                f"{api.account.host} refuses the deletion (400): {answer.quote}", 400
            )
        jobs += _jobs_in(answer, api)
    return jobs


def jobs_around(api: AccountApi, today: dt.date) -> list[Job]:
    """Return the jobs of the days before and after today that recent requests are in.

    Raises:
        RequestFailed: When Amplitude does not answer.
    """
    days = dt.timedelta(days=DAYS_OF_STATUS)
    parameters = {
        "start_day": f"{today - days}",
        "end_day": f"{today + days}",
    }
    return [*_jobs_in(api.ask("GET", PATH, parameters=parameters), api)]


def _jobs_in(answer: Answer, api: AccountApi) -> Iterator[Job]:
    """Yield the jobs of an answer: a list, or for one of them the object alone."""
    try:
        value = json.loads(answer.content or b"[]")
        for each in value if isinstance(value, list) else [value]:
            yield msgspec.convert(each, Job, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise RequestFailed(
            f"{api.account.host} answers {answer.status} with something other than "
            f"deletion jobs: check the address",
            answer.status,
        ) from error
