"""Where a request is taken in: struck by a fault or judged, stored, and replied to."""

from __future__ import annotations

import gc
import re
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.ingest.envelope import readable_payload, user_ids_in
from target_amplitude_nami.local.model import LoggedRequest, Outcome, Request
from target_amplitude_nami.local.redaction import redaction
from target_amplitude_nami.local.redaction.credentials import (
    HIDDEN,
    without_credentials,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from target_amplitude_nami.local.faults import Fault
    from target_amplitude_nami.local.faults.injector import FaultInjector
    from target_amplitude_nami.local.ingest.ingestion import Ingestion
    from target_amplitude_nami.local.storage.store import Store

_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY_CODE = 0xFF
"""The bits of an error code of SQLite that say what it is about."""
_SECONDS_BETWEEN_WORDS = 60

_LONG_PART = re.compile(r"[0-9A-Za-z_-]{20,}")
"""What in an unknown path may be a key."""

_MAX_KEPT_BODY = 1_000_000
"""Bytes of the body of a refused request, past which it is not kept."""


class Reply(msgspec.Struct, frozen=True):
    """What goes back over the wire."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: dict[str, str] = {}
    cut: bool = False
    """Promise more than the body, then close."""


class _Kept(msgspec.Struct, frozen=True):
    """What the request log keeps of what was said."""

    api: str
    answer: bytes
    error: str = ""
    body: bytes | None = None


class RequestHandler:
    """Takes requests one at a time, in the order in which they are given to it.

    Args:
        rules: What judges them.
        store: What keeps them.
        script: The faults that strike them.
        keep_bodies: Keep every body as it came, its key included. Without it, only
            those of refused requests are kept, and of these no credential.
        now: The server's clock, in seconds since 1970.
        on_trouble: Hears, at most once in a minute, why a request cannot be stored.
    """

    def __init__(  # noqa: PLR0913
        self,
        rules: Ingestion,
        store: Store,
        injector: FaultInjector,
        *,
        keep_bodies: bool,
        now: Callable[[], float],
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._rules = rules
        self._store = store
        self._injector = injector
        self._keep_bodies = keep_bodies
        self._now = now
        self._on_trouble = on_trouble
        self._next_word = 0.0
        self._arrived = 0
        self.trouble: str | None = None
        """Why nothing can be stored, if waiting is no help; None as long as it can."""

    def meet_head(self, path: str) -> Fault | None:
        """Return the fault that has a request read slowly that is just arriving."""
        return self._injector.next_slow(self._arrived + 1, path)

    def meet(self, request: Request, slow: Fault | None = None) -> Fault | None:
        """Count a request that is here; return the fault that strikes it, if any.

        One that was read slowly met its fault already: no other strikes it.
        """
        self._arrived += 1
        return slow or self._injector.next(
            self._arrived,
            request.path,
            lambda: user_ids_in(request),
        )

    def serve(
        self,
        request: Request,
        fault: Fault | None,
        started: float | None = None,
    ) -> Reply | None:
        """Return the reply, its effects being stored; None if the line goes dead.

        What cannot be stored gets 503, or 507 where waiting alone is no help.

        `started` is when the request was there, by the performance counter.
        """
        started = time.perf_counter() if started is None else started
        try:
            with _no_collection():
                reply = self._serve(request, fault, started)
        except sqlite3.Error as error:
            return self._failed_to_store(error)
        self.trouble = None
        return reply

    def _failed_to_store(self, error: sqlite3.Error) -> Reply:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        why = "the disk is full" if code in _FULL else str(error)
        passes = code & _PRIMARY_CODE in _PASSING
        self.trouble = None if passes else why
        if time.monotonic() >= self._next_word:
            self._next_word = time.monotonic() + _SECONDS_BETWEEN_WORDS
            self._on_trouble(why)
        status = 503 if passes else 507
        content = {"code": status, "error": f"Nothing can be stored: {why}"}
        return Reply(status, msgspec.json.encode(content))

    def refuse(self, request: Request) -> Reply:
        """Return the answer to a request that the rules refuse; keep nothing of it."""
        answer = self._rules.judge(request, self._store).answer
        if limits.is_success(answer.status):
            raise ValueError("the rules take this request")
        return Reply(answer.status, answer.body, answer.media_type)

    def _serve(
        self,
        request: Request,
        fault: Fault | None,
        started: float,
    ) -> Reply | None:
        if fault is None:
            return self._judge(request, "", started, cut=False)
        name, do = fault.title, fault.do
        if do.reset == "before":
            self._log(request, name, started, 0, b"")
            return None
        if do.status is not None:
            self._log(request, name, started, do.status, do.body)
            return Reply(do.status, do.body, do.media_type, do.headers, do.cut)
        reply = self._judge(request, name, started, cut=do.cut)
        return None if do.reset == "after" else reply

    def _judge(
        self,
        request: Request,
        fault: str,
        started: float,
        *,
        cut: bool,
    ) -> Reply:
        with self._store.transaction() as number:
            outcome = self._rules.judge(request, self._store)
            now, answer = self._now(), outcome.answer
            body = answer.body
            self._store.keep(outcome.effects, number, now)
            kept = self._kept(request, outcome)
            entry = LoggedRequest(
                number=number,
                time=now,
                api=kept.api,
                status=answer.status,
                events=outcome.events,
                duplicates=outcome.effects.duplicates,
                payload_bytes=len(outcome.payload),
                wire_bytes=len(request.body) or len(request.query),
                milliseconds=_milliseconds_since(started),
                answer=kept.answer,
                fault=fault,
                error=kept.error,
                body=kept.body,
            )
            self._store.log(entry, len(outcome.effects.events))
            if entry.body is not None and not self._keep_bodies:
                self._store.forget_bodies()
        return Reply(answer.status, body, answer.media_type, cut=cut)

    def _log(
        self,
        request: Request,
        fault: str,
        started: float,
        status: int,
        answer: bytes,
    ) -> None:
        credentials = self._credentials_of(request, readable_payload(request))
        with self._store.transaction() as number:
            entry = LoggedRequest(
                number=number,
                time=self._now(),
                api=_api(request, credentials),
                status=status,
                events=0,
                duplicates=0,
                payload_bytes=len(request.body),
                wire_bytes=len(request.body),
                milliseconds=_milliseconds_since(started),
                answer=redaction.answer_without_values(answer, credentials),
                fault=fault,
                body=request.body if self._keep_bodies else None,
            )
            self._store.log(entry, 0)

    def _kept(self, request: Request, outcome: Outcome) -> _Kept:
        """Return what the log keeps of a request, which is no credential."""
        answer = outcome.answer
        if limits.is_success(answer.status):
            body = outcome.payload if self._keep_bodies else None
            return _Kept(_api(request), answer.body, body=body)
        credentials = self._credentials_of(request, outcome.payload)
        body = None
        if len(outcome.payload) <= _MAX_KEPT_BODY:
            redacted = without_credentials(outcome.payload)
            if redacted is not None:
                credentials |= redacted.found
                body = redaction.without_values(redacted.text, credentials)
        error = redaction.answer_without_values(answer.error.encode(), credentials)
        return _Kept(
            _api(request, credentials),
            redaction.answer_without_values(answer.body, credentials),
            error.decode("utf-8", "replace"),
            outcome.payload if self._keep_bodies else body,
        )

    def _credentials_of(self, request: Request, payload: bytes) -> frozenset[str]:
        known = self._rules.keys or frozenset()
        return known | redaction.credentials_of(request, payload)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Leave the garbage where it is for a moment.

    Thousands of events that all live until the end of their request have the collector
    look through them again and again, which would take a tenth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _api(request: Request, credentials: Iterable[str] = ()) -> str:
    api = limits.APIS.get(request.path)
    if api is not None:
        return api.name
    path = request.path.encode("utf-8", "replace")
    redacted = without_credentials(path)
    if redacted is None:
        return "/"
    text = redaction.without_values(redacted.text, credentials).decode()
    return _LONG_PART.sub(HIDDEN, text)


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1_000, 1)
