"""Where a request is taken in: struck by a fault or judged, stored, and replied to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.local import limits
from target_amplitude_nami.local.envelope import user_ids_in
from target_amplitude_nami.local.faults import Fault, Faults, Script
from target_amplitude_nami.local.model import Effects, LoggedRequest, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.local.rules import Rules
    from target_amplitude_nami.local.store import Store


class Reply(msgspec.Struct, frozen=True):
    """What goes back over the wire."""

    status: int
    body: bytes
    media_type: str = "application/json"
    headers: dict[str, str] = {}
    cut: bool = False
    """Promise more than the body, then close."""


class Desk:
    """Takes requests one at a time, in the order in which they are given to it."""

    def __init__(
        self,
        rules: Rules,
        store: Store,
        faults: Faults,
        *,
        keep_bodies: bool,
        now: Callable[[], float],
    ) -> None:
        self._rules = rules
        self._store = store
        self._script = Script(faults)
        self._keep_bodies = keep_bodies
        self._now = now
        self._arrived = 0

    def set_faults(self, faults: Faults) -> None:
        """Play another script from the next request on."""
        self._script = Script(faults)

    def meet(self, request: Request) -> Fault | None:
        """Count an arriving request and return the fault that strikes it, if any."""
        self._arrived += 1
        return self._script.next(
            self._arrived,
            request.path,
            lambda: user_ids_in(request),
        )

    def serve(self, request: Request, fault: Fault | None) -> Reply | None:
        """Return the reply, its effects being stored; None if the line goes dead."""
        if fault is None:
            return self._judge(request, "", cut=False)
        name, do = fault.name or _describe(fault), fault.do
        if do.reset == "before":
            self._log(request, name, 0, b"")
            return None
        if do.status is not None:
            self._log(request, name, do.status, do.body)
            return Reply(do.status, do.body, do.media_type, do.headers, do.cut)
        reply = self._judge(request, name, cut=do.cut)
        return None if do.reset == "after" else reply

    def _judge(self, request: Request, fault: str, *, cut: bool) -> Reply:
        outcome = self._rules.judge(request, self._store)
        body = outcome.answer.body
        entry = self._entry(
            request,
            fault,
            outcome.answer.status,
            body,
            events=outcome.events,
            duplicates=outcome.effects.duplicates,
            payload=outcome.payload,
        )
        self._store.commit(entry, outcome.effects)
        return Reply(outcome.answer.status, body, cut=cut)

    def _log(self, request: Request, fault: str, status: int, answer: bytes) -> None:
        entry = self._entry(request, fault, status, answer)
        self._store.commit(entry, Effects())

    def _entry(  # noqa: PLR0913
        self,
        request: Request,
        fault: str,
        status: int,
        answer: bytes,
        *,
        events: int = 0,
        duplicates: int = 0,
        payload: bytes | None = None,
    ) -> LoggedRequest:
        body = request.body if payload is None else payload
        api = limits.APIS.get(request.path)
        return LoggedRequest(
            number=self._store.next_number(),
            time=self._now(),
            api=request.path if api is None else api.name,
            status=status,
            events=events,
            duplicates=duplicates,
            payload_bytes=len(body),
            wire_bytes=len(request.body),
            answer=answer,
            fault=fault,
            body=body if self._keep_bodies else None,
        )


def _describe(fault: Fault) -> str:
    do = fault.do
    parts = (
        f"delay {do.delay:g} s" if do.delay else "",
        f"status {do.status}" if do.status is not None else "",
        f"reset {do.reset}" if do.reset else "",
        "cut" if do.cut else "",
    )
    return ", ".join(part for part in parts if part)
