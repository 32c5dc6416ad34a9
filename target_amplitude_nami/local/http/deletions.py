"""Serves the User Privacy API: users are deleted at once, jobs show as in Amplitude.

Source: Amplitude docs, "User Privacy API" (version 1). What it answers to mistakes is
not documented beyond the status.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.erasing.person import Ids, Person
from target_amplitude_nami.local.model import JsonObject, RefusedError
from target_amplitude_nami.local.storage.deletion_jobs import DeletionJobs
from target_amplitude_nami.local.storage.erasing import erase_users, users_of_project
from target_amplitude_nami.local.storage.redacting import redact_log

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from target_amplitude_nami.local.storage.store import Store

MOST_IDS = 100
"""In one request."""
_MOST_DAYS = 184
"""Six months, as long as a span of jobs may be."""
_BOOLEANS = {"true": True, "false": False}


class Deletions:
    """Deletes users on request, and lists the jobs.

    Args:
        store: The file.
        now: The server's clock, in seconds since 1970.
    """

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._last = float("-inf")

    def delete(self, project: str, body: bytes) -> list[JsonObject]:
        """Delete the users that a request names; return the job they are in.

        Args:
            project: The name of the project.
            body: The request's body.

        Raises:
            RefusedError: For a request that Amplitude refuses; nothing is changed.
        """
        self._count()
        document = _document(body)
        user_ids = [f"{each}" for each in _list(document, "user_ids", (str, int))]
        numbers = set(_list(document, "amplitude_ids", (int,)))
        if not user_ids and not numbers:
            raise RefusedError(400, "user_ids or amplitude_ids is needed")
        if len(user_ids) + len(numbers) > MOST_IDS:
            raise RefusedError(400, f"There are more than {MOST_IDS} ids")
        ignores = _flag(document, "ignore_invalid_id")
        if _flag(document, "delete_from_org"):
            raise RefusedError(400, "There is only one project here")
        requester = document.get("requester", "")
        with self._store.erasing() as connection:
            users = _Users(connection, project)
            known = users.of(user_ids, numbers)
            invalid = [each for each in user_ids if each not in known]
            invalid += [each for each in sorted(numbers) if each not in known.values()]
            if invalid and not ignores:
                raise RefusedError(400, "Some ids are unknown", invalid_ids=invalid)
            theirs = sorted(set(known.values()))
            ids = users.ids_of(theirs)
            erase_users(connection, theirs)
            redact_log(connection, Person(external_ids=ids, user_ids=ids))
            jobs: list[JsonObject] = msgspec.to_builtins(
                DeletionJobs(connection).add(
                    project, theirs, f"{requester}", self._today()
                )
            )
        if invalid:
            jobs = [{**job, "invalid_ids": invalid} for job in jobs] or [
                {
                    "day": "",
                    "status": "staging",
                    "amplitude_ids": [],
                    "invalid_ids": invalid,
                }
            ]
        return jobs

    def list(self, project: str, query: Mapping[str, str]) -> list[JsonObject]:
        """Return the jobs of the days that a request names.

        Raises:
            RefusedError: For other days.
        """
        self._count()
        try:
            start, end = (
                dt.date.fromisoformat(query[name]) for name in ("start_day", "end_day")
            )
        except (KeyError, ValueError) as error:
            raise RefusedError(
                400, "start_day and end_day have to be days such as 2026-11-23"
            ) from error
        if not 0 <= (end - start).days <= _MOST_DAYS:
            raise RefusedError(400, "The span is longer than six months, or ends first")
        with self._store.erasing() as connection:
            jobs: list[JsonObject] = msgspec.to_builtins(
                DeletionJobs(connection).between(
                    project, f"{start}", f"{end}", self._today()
                )
            )
        return jobs

    def _count(self) -> None:
        """Count a request: there may be one a second.

        Raises:
            RefusedError: When it comes too early.
        """
        now = self._now()
        if 0 <= now - self._last < 1:
            raise RefusedError(429, "There may be one request a second")
        self._last = now

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(self._now(), dt.UTC).date()


class _Users:
    """The users of a project by their ids."""

    def __init__(self, connection: sqlite3.Connection, project: str) -> None:
        self._connection = connection
        self._project = project

    def of(self, user_ids: list[str], numbers: set[int]) -> dict[str, int]:
        """Return the number of each user that there is, by user id or by number."""
        found = users_of_project(self._connection, self._project, user_ids)
        for number in numbers:
            rows = self._connection.execute(
                "SELECT number FROM users WHERE project = ? AND number = ?",
                (self._project, number),
            )
            found |= {f"#{known}": known for (known,) in rows}
        return found

    def ids_of(self, numbers: list[int]) -> Ids:
        """Return the user ids of users."""
        places = ",".join("?" * len(numbers))
        rows = self._connection.execute(
            f"SELECT user_id FROM users WHERE number IN ({places})",  # noqa: S608
            numbers,
        )
        return Ids(user_id for (user_id,) in rows if user_id is not None)


def _document(body: bytes) -> JsonObject:
    try:
        document = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, "The body is not JSON") from error
    if not isinstance(document, dict):
        raise RefusedError(400, "The body is not a JSON object")
    return document


def _list(document: JsonObject, name: str, kinds: tuple[type, ...]) -> list[Any]:
    values = document.get(name) or []
    if not isinstance(values, list) or not all(type(each) in kinds for each in values):
        raise RefusedError(400, f"{name} is not a list of ids")
    return values


def _flag(document: JsonObject, name: str) -> bool:
    """Return a boolean, which has to be text (users of the API)."""
    value = document.get(name, "false")
    if not isinstance(value, str) or value.lower() not in _BOOLEANS:
        raise RefusedError(400, f'{name} has to be "true" or "false", as text')
    return _BOOLEANS[value.lower()]
