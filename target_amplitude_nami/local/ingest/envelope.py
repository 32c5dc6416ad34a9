"""Reads the events of a request, and checks the request as a whole."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.jsontext import without_lone_surrogates
from target_amplitude_nami.local.model import RefusedError, Request, Upload

_INVALID_JSON = "Invalid JSON request body"
_MISSING_FIELD = "Request missing required field"
_TOO_LARGE = "Payload too large"

_any = msgspec.json.Decoder()
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])


def api_of(request: Request) -> limits.Api:
    """Return the API that a request is addressed to.

    Raises:
        RefusedError: There is no API of this path, or it does not accept the method.
    """
    api = limits.APIS.get(request.path)
    if api is None or request.method != "POST":
        raise RefusedError(400, "Invalid request path")
    return api


def payload_of(request: Request, max_bytes: int) -> bytes:
    """Return the request's body, decompressed.

    Both lengths count towards the limit: which one does is not documented.

    Raises:
        RefusedError: The body is too large, empty, corrupt, or not declared as JSON.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    payload = _expanded(request.body, encoding, max_bytes)
    if max(len(request.body), len(payload or b"")) > max_bytes:
        raise RefusedError(413, _TOO_LARGE)
    if b"" in (request.body, payload):
        raise RefusedError(400, "Missing request body")
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if payload is None or media_type.strip().lower() != "application/json":
        raise RefusedError(400, _INVALID_JSON)
    return payload


def upload_of(payload: bytes) -> Upload:
    """Return the content of a body.

    Raises:
        RefusedError: The body is not a JSON object with an API key and events.
    """
    try:
        text = without_lone_surrogates(payload)
        parts = _object.decode(text)
        api_key, options = _value(parts, "api_key"), _value(parts, "options")
        raws = _raw_events(parts)
        events = _any.decode(parts["events"]) if raws else []
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, _INVALID_JSON) from error
    if not isinstance(api_key, str) or not api_key:
        raise RefusedError(400, _MISSING_FIELD, missing_field="api_key")
    if not events:
        raise RefusedError(400, _MISSING_FIELD, missing_field="events")
    if text is not payload:
        raws = _same_places(payload, text, raws)
    return Upload(api_key, _min_id_length(options), events, raws)


def check_count(upload: Upload) -> None:
    """Check the number of events.

    Raises:
        RefusedError: There are more than one request may contain.
    """
    if len(upload.events) > limits.MAX_EVENTS:
        raise RefusedError(413, _TOO_LARGE)


def check_key(upload: Upload, keys: frozenset[str] | None) -> None:
    """Judge the API key; without known keys, any will do.

    Raises:
        RefusedError: No project has the key.
    """
    if keys is not None and upload.api_key not in keys:
        raise RefusedError(400, f"Invalid API key: {upload.api_key}")


def readable_payload(request: Request) -> bytes:
    """Return the body of a request, decompressed where that is possible."""
    try:
        return payload_of(request, limits.BATCH.max_bytes)
    except RefusedError:
        return request.body


def user_ids_in(request: Request) -> frozenset[str]:
    """Return the user ids of a request, or none if it cannot be read."""
    try:
        payload = payload_of(request, limits.BATCH.max_bytes)
        events = upload_of(payload).events
    except RefusedError:
        return frozenset()
    return frozenset(
        str(event["user_id"])
        for event in events
        if isinstance(event, dict) and event.get("user_id") is not None
    )


def _expanded(body: bytes, encoding: str, max_bytes: int) -> bytes | None:
    """Return the decompressed body; None if it cannot be decompressed.

    It stops one byte past the limit: a small body may expand to a very large one.
    """
    if encoding == "identity":
        return body
    if encoding != "gzip":
        return None
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        payload = inflater.decompress(body, max_bytes + 1)
    except zlib.error:
        return None
    if len(payload) > max_bytes:
        return payload
    return payload if inflater.eof and not inflater.unused_data else None


def _value(parts: dict[str, msgspec.Raw], name: str) -> Any:
    return _any.decode(parts[name]) if name in parts else None


def _raw_events(parts: dict[str, msgspec.Raw]) -> list[bytes]:
    raw = bytes(parts.get("events", b"[]"))
    return [bytes(item) for item in _array.decode(raw)] if raw[:1] == b"[" else []


def _same_places(payload: bytes, text: bytes, raws: list[bytes]) -> list[bytes]:
    """Return the payload's bytes in the places where the text has these events."""
    found = []
    place = text.index(b"[")
    for raw in raws:
        place = text.index(raw, place)
        found.append(payload[place : place + len(raw)])
        place += len(raw)
    return found


def _min_id_length(options: object) -> int:
    """Return the minimum length of an id, as a request's options set it."""
    length = options.get("min_id_length") if isinstance(options, dict) else None
    return length if type(length) is int else limits.MIN_ID_LENGTH
