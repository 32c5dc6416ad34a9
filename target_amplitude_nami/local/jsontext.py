"""Decodes JSON, also with half a surrogate pair, which UTF-8 cannot hold."""

from __future__ import annotations

import re
from typing import Any

import msgspec

_decoder = msgspec.json.Decoder()

_ESCAPE = re.compile(
    rb"""\\(?:
        u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}  # a pair
        | (?P<half> u[dD][89a-fA-F][0-9a-fA-F]{2})
        | .
    )""",
    re.DOTALL | re.VERBOSE,
)
_REPLACEMENT = rb"\ufffd"


def decode(text: bytes) -> Any:
    """Decode a JSON text; half a surrogate pair becomes U+FFFD.

    Raises:
        ValueError: The text is not JSON, or has NaN, Infinity or a number too large.
    """
    try:
        return _decoder.decode(without_lone_surrogates(text))
    except RecursionError as error:
        raise ValueError("nested too deeply to be read") from error


def without_lone_surrogates(text: bytes) -> bytes:
    """Replace lone surrogates in a JSON text by U+FFFD; the length stays the same.

    JSON may escape half a surrogate pair, which neither UTF-8 nor SQLite can store.
    """
    # Most texts escape nothing, and one byte is found a hundred times as fast as two.
    if b"\\" not in text or (rb"\ud" not in text and rb"\uD" not in text):
        return text
    return _ESCAPE.sub(lambda match: _REPLACEMENT if match["half"] else match[0], text)
