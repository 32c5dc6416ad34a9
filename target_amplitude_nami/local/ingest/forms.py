"""The requests of the Identify API, which are forms and are answered in plain text."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import msgspec

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.ingest.envelope import min_id_length
from target_amplitude_nami.local.jsontext import decode, mended
from target_amplitude_nami.local.model import RefusedError, Request, Upload

_array = msgspec.json.Decoder(list[msgspec.Raw])


def upload_of(request: Request, max_bytes: int) -> Upload:
    """Return what a form says of users, as `$identify` events (Identify API, Keys).

    The text `missing_event` was seen of servers; the others are made after it.

    Raises:
        RefusedError: It is too long, or says nothing that can be understood.
    """
    form = request.query if request.method == "GET" else request.body
    if len(form) > max_bytes:
        raise RefusedError(414, "request_too_long")
    given = parse_qs(form.decode("utf-8", "replace"), keep_blank_values=True)
    api_key, identification, options = (
        given.get(name, [""])[-1] for name in ("api_key", "identification", "options")
    )
    if not api_key:
        raise RefusedError(400, "missing_api_key")
    if not identification:
        raise RefusedError(400, "missing_event")
    text = mended(identification.encode()).strip()
    try:
        raws = [bytes(raw) for raw in _array.decode(_as_list(text))]
        events = [_as_event(decode(raw)) for raw in raws]
        shortest = min_id_length(decode(options.encode()) if options else None)
    except ValueError as error:
        raise RefusedError(400, "invalid_json") from error
    if not events:
        raise RefusedError(400, "missing_event")
    return Upload(api_key, shortest, events, raws)


def _as_list(text: bytes) -> bytes:
    return text if text.startswith(b"[") else b"[" + text + b"]"


def _as_event(identification: Any) -> Any:
    if not isinstance(identification, dict):
        return identification
    return {**identification, "event_type": limits.IDENTIFY}
