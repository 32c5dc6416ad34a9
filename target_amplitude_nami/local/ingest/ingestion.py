"""Turns a request into Amplitude's answer and the changes that follow from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.ingest import envelope
from target_amplitude_nami.local.ingest.acceptance import Acceptance, Arrival
from target_amplitude_nami.local.ingest.effects import Effects, Memory, Outcome
from target_amplitude_nami.local.ingest.identity import ids_of
from target_amplitude_nami.local.ingest.throttling import Throttle, UpdateBudget
from target_amplitude_nami.local.ingest.validation import check_events
from target_amplitude_nami.local.model import Answer, RefusedError, Request, Upload
from target_amplitude_nami.local.redaction.uploads import upload_without_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_amplitude_nami.local.faults.tampering import Tampering
    from target_amplitude_nami.local.ingest import limits
    from target_amplitude_nami.local.ingest.behaviour import Behaviour


class Ingestion:
    """Processes requests like Amplitude, in the order in which they arrive.

    Args:
        keys: The API keys that exist; None accepts any.
        behaviour: What to do where the documentation leaves it open.
        now: The server's clock, in seconds since 1970.
    """

    def __init__(
        self,
        *,
        keys: frozenset[str] | None,
        behaviour: Behaviour,
        now: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._behaviour = behaviour
        self._now = now
        self._throttles: dict[tuple[str, str], Throttle] = {}
        self._budget = UpdateBudget(behaviour.user_updates_per_hour, now)

    def process(
        self, request: Request, memory: Memory, tampering: Tampering | None = None
    ) -> Outcome:
        """Return the answer to a request and everything that it changes.

        The first check that fails gives the answer; a refused request changes nothing.

        Args:
            request: The request.
            memory: What is stored of earlier requests.
            tampering: What happens to its events although they are acknowledged.
        """
        payload, upload = request.body, None
        try:
            api = envelope.api_of(request)
            max_bytes = self._behaviour.max_bytes or api.max_bytes
            payload = envelope.payload_of(request, max_bytes)
            upload = envelope.upload_of(payload)
            effects = self._accept(api, upload, memory, request, tampering)
        except RefusedError as refused:
            events = len(upload.events) if upload else 0
            return Outcome(refused.answer, Effects(), payload, events)
        content = {
            "code": 200,
            "events_ingested": len(upload.events),
            "payload_size_bytes": len(payload),
            "server_upload_time": int(self._now() * 1_000),
        }
        events = len(upload.events)
        if tampering is not None:
            events = len(effects.events) + effects.duplicates
        return Outcome(Answer(200, content), effects, payload, events)

    def _accept(
        self,
        api: limits.Api,
        upload: Upload,
        memory: Memory,
        request: Request,
        tampering: Tampering | None,
    ) -> Effects:
        envelope.check_count(upload)
        envelope.check_key(upload, self._keys)
        upload = upload_without_credentials(upload, request)
        check_events(upload, api, self._behaviour)
        if tampering is not None:
            upload = tampering.before(upload)
        now = self._now()
        lane = (upload.project, api.name)
        if lane not in self._throttles:
            self._throttles[lane] = Throttle(api, self._behaviour)
        ids = [ids_of(event) for event in upload.events]
        self._throttles[lane].admit(ids, now)
        acceptance = Acceptance(
            upload,
            memory,
            self._behaviour,
            budget=self._budget,
            arrival=Arrival(now, request.peer),
        )
        effects = acceptance.effects(ids)
        return effects if tampering is None else tampering.after(effects, memory)
