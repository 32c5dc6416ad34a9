"""Handles requests for Amplitude: applies faults, ingests, stores, and replies."""

from __future__ import annotations

import gc
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local.faults.tampering import Tampering
from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.ingest.envelope import user_ids_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from target_amplitude_nami.local.faults import Fault
    from target_amplitude_nami.local.faults.injector import FaultInjector
    from target_amplitude_nami.local.http.request_logger import RequestLogger
    from target_amplitude_nami.local.ingest.ingestion import Ingestion
    from target_amplitude_nami.local.model import Request
    from target_amplitude_nami.local.storage.store import Store

_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_PASSING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PRIMARY_CODE = 0xFF
"""The bits of an SQLite error code that give its class."""
_SECONDS_BETWEEN_REPORTS = 60


class Reply(msgspec.Struct, frozen=True):
    """What goes back over the wire."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: dict[str, str] = {}
    cut: bool = False
    """Announce more than the body, then close the connection."""


class RequestHandler:
    """Handles requests one at a time, in the order in which they are passed to it.

    Args:
        ingestion: Turns a request into an answer and its effects.
        store: Stores the effects.
        logger: Logs each request.
        injector: Decides which fault strikes which request.
        now: The server's clock, in seconds since 1970.
        on_trouble: Called with the reason, at most once a minute, when a request cannot
            be stored.
    """

    def __init__(  # noqa: PLR0913
        self,
        ingestion: Ingestion,
        store: Store,
        logger: RequestLogger,
        injector: FaultInjector,
        *,
        now: Callable[[], float],
        on_trouble: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._ingestion = ingestion
        self._store = store
        self._logger = logger
        self._injector = injector
        self._now = now
        self._on_trouble = on_trouble
        self._next_report = 0.0
        self._arrived = 0
        self.trouble: str | None = None
        """Why nothing can be stored, if waiting does not help; None otherwise."""

    def slow_fault(self, path: str) -> Fault | None:
        """Return the fault that slows down reading the request that is arriving."""
        return self._injector.next_slow(self._arrived + 1, path)

    def count(self, request: Request, slow: Fault | None = None) -> Fault | None:
        """Count a request that has arrived; return the fault that strikes it, if any.

        A request that was read slowly has had its fault: no other strikes it.
        """
        self._arrived += 1
        return slow or self._injector.next(
            self._arrived,
            request.path,
            lambda: user_ids_in(request),
        )

    def handle(
        self,
        request: Request,
        fault: Fault | None,
        started: float | None = None,
    ) -> Reply | None:
        """Store what a request changes; return the reply, None to drop the connection.

        A request that cannot be stored gets 503, or 507 if waiting does not help.

        Args:
            request: The request.
            fault: The fault that strikes it, if any.
            started: When it had arrived, by the performance counter; None for now.
        """
        started = time.perf_counter() if started is None else started
        try:
            with _garbage_collection_paused():
                reply = self._apply(request, fault, started)
        except sqlite3.Error as error:
            return self._storage_failure(error)
        self.trouble = None
        return reply

    def refuse(self, request: Request) -> Reply:
        """Return the answer to a request that ingestion refuses; store nothing.

        Raises:
            ValueError: Ingestion accepts the request.
        """
        answer = self._ingestion.process(request, self._store).answer
        if limits.is_success(answer.status):
            raise ValueError("ingestion accepts this request")
        return Reply(answer.status, answer.body)

    def _storage_failure(self, error: sqlite3.Error) -> Reply:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        why = "the disk is full" if code in _FULL else str(error)
        passes = code & _PRIMARY_CODE in _PASSING
        self.trouble = None if passes else why
        if time.monotonic() >= self._next_report:
            self._next_report = time.monotonic() + _SECONDS_BETWEEN_REPORTS
            self._on_trouble(why)
        status = 503 if passes else 507
        content = {"code": status, "error": f"Nothing can be stored: {why}"}
        return Reply(status, msgspec.json.encode(content))

    def _apply(
        self,
        request: Request,
        fault: Fault | None,
        started: float,
    ) -> Reply | None:
        if fault is None:
            return self._ingest(request, None, started)
        name, do = fault.title, fault.do
        if do.reset == "before":
            self._log_fault(request, name, started, 0, b"")
            return None
        if do.status is not None:
            self._log_fault(request, name, started, do.status, do.body)
            return Reply(do.status, do.body, do.media_type, do.headers, do.cut)
        reply = self._ingest(request, fault, started)
        return None if do.reset == "after" else reply

    def _ingest(
        self,
        request: Request,
        fault: Fault | None,
        started: float,
    ) -> Reply:
        tampering = Tampering(fault) if fault and fault.do.tampers else None
        with self._store.transaction() as number:
            outcome = self._ingestion.process(request, self._store, tampering)
            now = self._now()
            self._store.keep(outcome.effects, number, now)
            self._logger.log(
                number,
                request,
                outcome,
                fault=fault.title if fault else "",
                now=now,
                started=started,
            )
        cut = fault is not None and fault.do.cut
        return Reply(outcome.answer.status, outcome.answer.body, cut=cut)

    def _log_fault(
        self,
        request: Request,
        fault: str,
        started: float,
        status: int,
        answer: bytes,
    ) -> None:
        with self._store.transaction() as number:
            self._logger.log_fault(
                number,
                request,
                (status, answer),
                fault=fault,
                now=self._now(),
                started=started,
            )


@contextmanager
def _garbage_collection_paused() -> Iterator[None]:
    """Pause garbage collection.

    Thousands of events live until the end of their request; the collector would look
    through them again and again, which takes a tenth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
