"""JSON text to Python values, also where the text escapes what UTF-8 cannot hold."""

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
    """Return the value of a JSON text; half a surrogate pair becomes U+FFFD.

    Raises:
        ValueError: The text is no JSON, or holds NaN, Infinity or a number too large.
    """
    try:
        return _decoder.decode(mended(text))
    except RecursionError as error:
        raise ValueError("nested too deeply to be read") from error


def mended(text: bytes) -> bytes:
    """Return a JSON text of the same length in which no surrogate is without its pair.

    JSON may escape half a pair; UTF-8, and with it SQLite, has no place for one.
    """
    # Most texts escape nothing, and one byte is found a hundred times as fast as two.
    if b"\\" not in text or (rb"\ud" not in text and rb"\uD" not in text):
        return text
    return _ESCAPE.sub(lambda match: _REPLACEMENT if match["half"] else match[0], text)
