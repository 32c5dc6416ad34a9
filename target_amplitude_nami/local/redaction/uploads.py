"""Removes credentials from the events of a request, and finds those beside them."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from target_amplitude_nami.local.jsontext import decode, without_lone_surrogates
from target_amplitude_nami.local.redaction.credentials import (
    SHORTEST,
    is_credential,
    is_spelled_otherwise,
    may_name_a_credential,
    without_credentials,
)
from target_amplitude_nami.local.redaction.values import without_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.local.model import Request, Upload

_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


class _Key(msgspec.Struct):
    """The part of a body that contains the key."""

    api_key: Any = None


_key = msgspec.json.Decoder(_Key)


def credentials_of(request: Request, payload: bytes) -> frozenset[str]:
    """Return the API key of a request and the credentials in its headers and query."""
    return frozenset(_strings_in([_key_in(payload), *_beside_the_body(request)]))


def upload_without_credentials(upload: Upload, request: Request) -> Upload:
    """Return a request's content with the credentials in its events hidden.

    These are values with the name of a credential, and repetitions of the credentials
    of the request.
    """
    beside = set(_strings_in(list(_beside_the_body(request))))
    text = b"\n".join(upload.raws)
    if may_name_a_credential(text):
        upload, named = _without_named(upload)
        beside |= named
    credentials = [
        credential
        for credential in {upload.api_key, *beside}
        if len(credential) >= SHORTEST and _may_be_in(text, credential)
    ]
    if not credentials:
        return upload
    return msgspec.structs.replace(
        upload,
        raws=[without_values(raw, credentials) for raw in upload.raws],
        events=_value_without(upload.events, credentials),
    )


def _without_named(upload: Upload) -> tuple[Upload, set[str]]:
    raws, events = list(upload.raws), list(upload.events)
    found: set[str] = set()
    for index, raw in enumerate(upload.raws):
        redacted = without_credentials(raw) if may_name_a_credential(raw) else None
        if redacted is not None and redacted.text != raw:
            raws[index] = redacted.text
            found |= redacted.found
            events[index] = decode(redacted.text)
    return msgspec.structs.replace(upload, raws=raws, events=events), found


def _may_be_in(text: bytes, credential: str) -> bool:
    """Return whether a text may contain a credential, also an escaped one."""
    if credential.encode("utf-8", "replace") in text:
        return True
    if credential.isascii() and credential.isalnum():
        return is_spelled_otherwise(text)
    return b"\\" in text or b"%" in text


def _value_without(value: Any, credentials: list[str]) -> Any:
    if isinstance(value, str):
        text = without_values(value.encode("utf-8", "surrogatepass"), credentials)
        return text.decode("utf-8", "surrogatepass")
    if isinstance(value, list):
        return [_value_without(item, credentials) for item in value]
    if isinstance(value, dict):
        return {
            _value_without(name, credentials): _value_without(item, credentials)
            for name, item in value.items()
        }
    return value


def _key_in(payload: bytes) -> object:
    try:
        return _key.decode(without_lone_surrogates(payload)).api_key
    except (ValueError, RecursionError):
        return None


def _beside_the_body(request: Request) -> Iterator[object]:
    query = request.query.decode("utf-8", "replace")
    for name, value in parse_qsl(query, keep_blank_values=True):
        if is_credential(name):
            yield value
    for name, value in request.headers.items():
        if name == "cookie":
            yield from (part.partition("=")[2].strip() for part in value.split(";"))
        elif name in _HEADERS:
            yield from _of_authorization(value)
        elif is_credential(name):
            yield value


def _of_authorization(value: str) -> Iterator[str]:
    """Yield what follows the scheme; for Basic also user and password."""
    scheme, _, rest = value.strip().partition(" ")
    yield from rest.replace(",", " ").split() if rest else [scheme]
    if scheme.lower() == "basic":
        try:
            pair = b64decode(rest.strip(), validate=True).decode("utf-8", "replace")
        except binascii.Error:
            return
        yield from pair.split(":", 1)


def _strings_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings_in(item)
    elif isinstance(value, dict):
        yield from _strings_in(list(value.values()))
