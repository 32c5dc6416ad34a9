"""The engine: a request in, Amplitude's answer and what it changes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local import envelope, limits
from target_amplitude_nami.local.acceptance import Acceptance
from target_amplitude_nami.local.identity import ids_of
from target_amplitude_nami.local.model import (
    Answer,
    Effects,
    Memory,
    Outcome,
    RefusedError,
    Request,
    Switches,
    Upload,
)
from target_amplitude_nami.local.throttle import Throttle
from target_amplitude_nami.local.validation import check_events

if TYPE_CHECKING:
    from collections.abc import Callable


class Rules:
    """Judges requests in the order in which they come.

    Args:
        keys: The API keys that exist; None takes any.
        switches: How to decide what the documentation leaves open.
        now: The server's clock, in seconds since 1970.
    """

    def __init__(
        self,
        *,
        keys: frozenset[str] | None,
        switches: Switches,
        now: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._switches = switches
        self._now = now
        self._throttles: dict[tuple[str, str], Throttle] = {}
        self._acceptance = Acceptance(switches)

    def judge(self, request: Request, memory: Memory) -> Outcome:
        """Return the answer to a request and all that follows from it.

        The first check that fails answers; what is refused leaves no effects.
        """
        payload, upload = request.body, None
        try:
            api = envelope.api_of(request)
            payload = envelope.payload_of(
                request,
                self._switches.max_bytes or api.max_bytes,
            )
            upload = envelope.upload_of(payload)
            effects = self._accept(api, upload, memory)
        except RefusedError as refused:
            events = len(upload.events) if upload else 0
            return Outcome(refused.answer, Effects(), payload, events)
        answer = Answer(
            200,
            {
                "code": 200,
                "events_ingested": len(upload.events),
                "payload_size_bytes": len(payload),
                "server_upload_time": int(self._now() * 1_000),
            },
        )
        return Outcome(answer, effects, payload, len(upload.events))

    def _accept(self, api: limits.Api, upload: Upload, memory: Memory) -> Effects:
        envelope.check_count(upload)
        envelope.check_key(upload, self._keys)
        check_events(upload, api, self._switches)
        now = self._now()
        lane = (upload.project, api.name)
        if lane not in self._throttles:
            self._throttles[lane] = Throttle(api, self._switches)
        ids = [ids_of(event) for event in upload.events]
        self._throttles[lane].admit(ids, now)
        return self._acceptance.accept(upload, ids, memory, now)
