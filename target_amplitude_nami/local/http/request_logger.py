"""Logs requests and their answers without the credentials in them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.ingest.envelope import readable_payload
from target_amplitude_nami.local.redaction.credentials import (
    HIDDEN,
    without_credentials,
)
from target_amplitude_nami.local.redaction.uploads import credentials_of
from target_amplitude_nami.local.redaction.values import (
    answer_without_values,
    without_values,
)
from target_amplitude_nami.local.storage.request_log import LoggedRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.local.ingest.effects import Outcome
    from target_amplitude_nami.local.model import Request
    from target_amplitude_nami.local.storage.store import Store

_LONG_PART = re.compile(r"[0-9A-Za-z_-]{20,}")
"""What may be a key in an unknown path."""

_MAX_KEPT_BODY = 1_000_000
"""Bytes of a refused request's body above which the body is not kept."""


class RequestLogger:
    """Writes requests to the log of the store.

    Args:
        store: The store; a transaction must be open when a request is logged.
        keys: The API keys that exist, which are never logged.
        keep_bodies: Keep every body as it came, with its key. Otherwise only the bodies
            of refused requests are kept, without credentials.
    """

    def __init__(
        self,
        store: Store,
        *,
        keys: frozenset[str] | None,
        keep_bodies: bool,
    ) -> None:
        self._store = store
        self._keys = keys or frozenset()
        self._keep_bodies = keep_bodies

    def log(  # noqa: PLR0913
        self,
        number: int,
        request: Request,
        outcome: Outcome,
        *,
        fault: str,
        now: float,
        started: float,
    ) -> None:
        """Log a request that was ingested.

        Args:
            number: The request's number.
            request: The request.
            outcome: What ingestion made of it.
            fault: The name of the fault that struck it; empty without one.
            now: The server's time, in seconds since 1970.
            started: When the request had arrived, by the performance counter.
        """
        answer, effects = outcome.answer, outcome.effects
        api, body, error = _api(request), None, ""
        logged_answer = answer.body
        if not limits.is_success(answer.status):
            credentials, body = self._without_credentials(request, outcome.payload)
            api = _api(request, credentials)
            logged_answer = answer_without_values(logged_answer, credentials)
            text = answer_without_values(answer.error.encode(), credentials)
            error = text.decode("utf-8", "replace")
        entry = LoggedRequest(
            number=number,
            time=now,
            api=api,
            status=answer.status,
            events=outcome.events,
            duplicates=effects.duplicates,
            payload_bytes=len(outcome.payload),
            wire_bytes=len(request.body),
            milliseconds=_milliseconds_since(started),
            answer=logged_answer,
            fault=fault,
            error=error,
            body=outcome.payload if self._keep_bodies else body,
        )
        self._store.log(entry, len(effects.events))
        if entry.body is not None and not self._keep_bodies:
            self._store.prune_bodies()

    def log_fault(  # noqa: PLR0913
        self,
        number: int,
        request: Request,
        answer: tuple[int, bytes],
        *,
        fault: str,
        now: float,
        started: float,
    ) -> None:
        """Log a request that a fault answered in place of ingestion.

        Args:
            number: The request's number.
            request: The request.
            answer: Status and body of the answer; status 0 for a dropped connection.
            fault: The name of the fault.
            now: The server's time, in seconds since 1970.
            started: When the request had arrived, by the performance counter.
        """
        status, text = answer
        credentials = self._credentials_of(request, readable_payload(request))
        entry = LoggedRequest(
            number=number,
            time=now,
            api=_api(request, credentials),
            status=status,
            events=0,
            duplicates=0,
            payload_bytes=len(request.body),
            wire_bytes=len(request.body),
            milliseconds=_milliseconds_since(started),
            answer=answer_without_values(text, credentials),
            fault=fault,
            body=request.body if self._keep_bodies else None,
        )
        self._store.log(entry, 0)

    def _without_credentials(
        self,
        request: Request,
        payload: bytes,
    ) -> tuple[frozenset[str], bytes | None]:
        """Return the credentials of a refused request, and what to keep of its body."""
        credentials = self._credentials_of(request, payload)
        if len(payload) > _MAX_KEPT_BODY:
            return credentials, None
        redacted = without_credentials(payload)
        if redacted is None:
            return credentials, None
        credentials |= redacted.found
        return credentials, without_values(redacted.text, credentials)

    def _credentials_of(self, request: Request, payload: bytes) -> frozenset[str]:
        return self._keys | credentials_of(request, payload)


def _api(request: Request, credentials: Iterable[str] = ()) -> str:
    """Return the API's name, or the path of a request for no API."""
    api = limits.APIS.get(request.path)
    if api is not None:
        return api.name
    path = request.path.encode("utf-8", "replace")
    redacted = without_credentials(path)
    if redacted is None:
        return "/"
    text = without_values(redacted.text, credentials).decode()
    return _LONG_PART.sub(HIDDEN, text)


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1_000, 1)
