"""Quotes answers for the log without the key, ids and texts of their requests."""

from __future__ import annotations

import gzip
import html
import re
import typing as t
from itertools import chain
from urllib.parse import unquote

from target_amplitude_nami.text import printable

if t.TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_ERROR = 300
_LONGEST_LINE = 200
_LOOKED_AT: t.Final = 4_000
"""Bytes of an answer, or characters of its error; more is never shown."""
_LONG_ENOUGH: t.Final = 5
"""Shorter texts may be part of a longer word by chance."""
_GZIP: t.Final = b"\x1f\x8b"
_IDS: t.Final = frozenset({b"user_id", b"device_id", b"insert_id"})
_OF_THE_CATALOGUE: t.Final = frozenset(
    {b"event_type", b"productId", b"revenueType", b"currency"}
)
"""Keys whose texts concern no person, and may explain the error."""

_AMPLITUDES: t.Final = frozenset(
    {
        "Too many requests for some devices and users",
        "Invalid field values on some events",
        "Invalid id length for user_id or device_id",
        "Request missing required field",
        "Events silenced for device_id",
        "Payload too large",
        "Forbidden",
        *("device_id", "event_properties", "event_type", "insert_id", "time"),
        *("user_id", "user_properties"),
    }
)
"""Amplitude's most frequent messages, quoted without searching the request."""

_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_NOT_SHOWN = re.compile(
    r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"<[^>]*>")
_JSON_TEXT = re.compile(rb'"((?:[^"\\]++|\\.)*+)"(:?)')
_JSON_ESCAPE = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/])|[bfnrt])')


class RedactedQuotes:
    """Quotes the answer to one request.

    `***` replaces the API key, each id of the request's events, and each text of their
    properties.
    """

    def __init__(self, api_key: str, body: bytes) -> None:
        """Take the key of the request and its body, compressed or not."""
        self._api_key = api_key
        self._body = body

    def error(self, text: str) -> str:
        """Return an error message of Amplitude or of the network on one line."""
        if text in _AMPLITUDES:
            return text
        return self._without_request(text[:_LOOKED_AT])[:_LONGEST_ERROR]

    def first_line(self, content: bytes) -> str:
        """Return an answer's first line of text, or HTML's title; empty without one."""
        text = content[:_LOOKED_AT].decode("utf-8", "replace")
        if "\0" in text or text.count("\ufffd") * 10 > len(text):
            return ""
        start = text.lstrip()[:1]
        if start == "<":
            text = _shown_by_markup(text)
        elif start == "{":  # JSON may be spread over lines
            text = " ".join(text.split())
        line = next(filter(str.strip, text.splitlines()), "")
        return self._without_request(line)[:_LONGEST_LINE]

    def _without_request(self, text: str) -> str:
        text = _normal(text)
        lowered = text.lower()
        # The request may be large: only the texts that the answer holds are kept.
        found = {value for value in self._values() if value.lower() in lowered}
        for value in sorted(found, key=len, reverse=True):
            text = _without(text, value)
        return printable(text)

    def _values(self) -> Iterator[str]:
        """Yield the texts that must not be quoted."""
        for text in chain([self._api_key], _texts_of_request(self._body)):
            if value := _normal(text):
                yield value


def _shown_by_markup(text: str) -> str:
    title = _TITLE.search(text)
    if title and (shown := " ".join(title[1].split())):
        return shown
    return _TAG.sub("\n", _NOT_SHOWN.sub("", text))


def _texts_of_request(body: bytes) -> Iterator[str]:
    """Yield the ids and the properties' texts of a request's events.

    They are found without decoding the JSON, which could take many times its memory.
    """
    plain = gzip.decompress(body) if body.startswith(_GZIP) else body
    key = b""
    for text in _JSON_TEXT.finditer(plain):
        if text[2]:
            key = text[1]
        elif key not in _OF_THE_CATALOGUE and (
            len(text[1]) >= _LONG_ENOUGH or key in _IDS
        ):
            yield text[1].decode("utf-8", "replace")


def _without(text: str, value: str) -> str:
    pattern = re.escape(value)
    if len(value) < _LONG_ENOUGH:
        pattern = rf"(?<!\w){pattern}(?!\w)"
    return re.sub(pattern, "***", text, flags=re.IGNORECASE)


def _normal(text: str) -> str:
    """Return a text on one line, with the escapes of JSON, URLs and HTML undone."""
    if "\\" in text:
        text = _JSON_ESCAPE.sub(_unescaped, text)
        # What was escaped as two halves is one character.
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if "%" in text:
        text = unquote(text)
    if "&" in text:
        text = html.unescape(text)
    return " ".join(text.split())


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else escape[2] or " "
