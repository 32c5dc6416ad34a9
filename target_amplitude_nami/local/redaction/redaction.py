"""Takes API keys and other credentials out of what is about to be kept."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from target_amplitude_nami.local.jsontext import decode, mended
from target_amplitude_nami.local.redaction.credentials import (
    HIDDEN_TEXT,
    SHORTEST,
    is_credential,
    is_spelled_otherwise,
    may_name_a_credential,
    without_credentials,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_amplitude_nami.local.model import Request, Upload

_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_SHORT_ESCAPES = dict(zip('"\\/\b\f\n\r\t', '"\\/bfnrt', strict=True))


class _Key(msgspec.Struct):
    """What is read of a body of which only the key is of interest."""

    api_key: Any = None


_key = msgspec.json.Decoder(_Key)


def credentials_of(request: Request, payload: bytes) -> frozenset[str]:
    """Return the API key of a request, and what its headers and its query hold."""
    return frozenset(_strings_in([_key_in(payload), *_beside_the_body(request)]))


def without_values(text: bytes, credentials: Iterable[str]) -> bytes:
    """Return a text without these credentials, in whatever way they are escaped."""
    for credential in sorted(credentials, key=len, reverse=True):
        if len(credential) >= SHORTEST:
            text = _without_matches(_pattern(credential), text)
    return text


def answer_without_values(answer: bytes, credentials: Iterable[str]) -> bytes:
    """Return an answer without these credentials, short ones as whole words alone."""
    for credential in sorted(credentials, key=len, reverse=True):
        if credential:
            pattern = _pattern(credential, whole=len(credential) < SHORTEST)
            answer = _without_matches(pattern, answer)
    return answer


def upload_without_credentials(upload: Upload, request: Request) -> Upload:
    """Return a request's content; credentials in its events are hidden.

    These are what stands under the name of one, and what repeats one of the request.
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
            # A form's event has a type that is not in its text.
            events[index] = {**events[index], **decode(redacted.text)}
    return msgspec.structs.replace(upload, raws=raws, events=events), found


def _may_be_in(text: bytes, credential: str) -> bool:
    """Whether a credential is there, or could be in another spelling."""
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


# Where credentials stand beside the events


def _key_in(payload: bytes) -> object:
    try:
        return _key.decode(mended(payload)).api_key
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
    """Yield what follows the scheme; of a basic one also user and password."""
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


# By value


_BEGUN_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{0,3}\Z")
_LONGEST_RUN = 64
"""Of backslashes, as far as one looks back."""


def _without_matches(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    parts: list[bytes] = []
    done = at = 0
    while match := pattern.search(text, at):
        start, at = match.span()
        before = text[max(done, start - _LONGEST_RUN) : start]
        if _BEGUN_ESCAPE.search(before):  # its digits are none of the credential
            at = start + 1
            continue
        parts += text[done:start], HIDDEN_TEXT
        done = at
    return b"".join([*parts, text[done:]])


@lru_cache(64)
def _pattern(credential: str, *, whole: bool = False) -> re.Pattern[bytes]:
    pattern = b"".join(map(_spellings, credential))
    if whole:
        pattern = rb"(?<![0-9A-Za-z])" + pattern + rb"(?![0-9A-Za-z])"
    return re.compile(pattern)


def _spellings(character: str) -> bytes:
    """Return a pattern for a character, plain or escaped for JSON or a form."""
    plain = character.encode("utf-8", "surrogatepass")
    units = memoryview(character.encode("utf-16-be", "surrogatepass")).cast("B")
    escaped = "".join(
        rf"\\+u(?i:{high:02x}{low:02x})"
        for high, low in zip(units[::2], units[1::2], strict=True)
    )
    quoted = "".join(rf"%(?:25)*(?i:{byte:02x})" for byte in plain)
    others = [escaped.encode(), quoted.encode()]
    if character in _SHORT_ESCAPES:
        others.append(rb"\\+" + re.escape(_SHORT_ESCAPES[character]).encode())
    if character == " ":
        others.append(rb"\+")
    # The longer spellings first: a backslash alone is the beginning of others.
    return b"(?:" + b"|".join([*others, re.escape(plain)]) + b")"
