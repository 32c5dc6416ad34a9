"""Removes known credentials from a text, in every way that they may be escaped."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from target_amplitude_nami.local.redaction.credentials import HIDDEN_TEXT, SHORTEST

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHORT_ESCAPES = dict(zip('"\\/\b\f\n\r\t', '"\\/bfnrt', strict=True))
_BEGUN_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{0,3}\Z")
_LONGEST_RUN = 64
"""How many backslashes before a match are looked at."""


def without_values(text: bytes, credentials: Iterable[str]) -> bytes:
    """Hide credentials in a text, in whatever way they are escaped."""
    for credential in sorted(credentials, key=len, reverse=True):
        if len(credential) >= SHORTEST:
            text = _without_matches(_pattern(credential), text)
    return text


def answer_without_values(answer: bytes, credentials: Iterable[str]) -> bytes:
    """Hide credentials in an answer; short ones only as whole words."""
    for credential in sorted(credentials, key=len, reverse=True):
        if credential:
            pattern = _pattern(credential, whole=len(credential) < SHORTEST)
            answer = _without_matches(pattern, answer)
    return answer


def _without_matches(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    parts: list[bytes] = []
    done = at = 0
    while match := pattern.search(text, at):
        start, at = match.span()
        before = text[max(done, start - _LONGEST_RUN) : start]
        if _BEGUN_ESCAPE.search(before):  # its digits do not belong to the credential
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
    # The longer ones first: a backslash alone is the beginning of others.
    return b"(?:" + b"|".join([*others, re.escape(plain)]) + b")"
