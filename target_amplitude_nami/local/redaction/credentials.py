"""Finds credentials in a text by the names before them, and hides them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote_plus, unquote_plus

from target_amplitude_nami.local.jsontext import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HIDDEN = "(hidden)"

_CREDENTIAL = re.compile(
    r"(?:(?:api|secret)[\W_]{0,3}keys?|authorization)[\W\d_]*\Z", re.IGNORECASE
)
_LONGEST_NAME = 200
SHORTEST = 8
"""The fewest characters of a credential that is searched for by its value.

Shorter ones, such as the key `local`, are words that a record may contain for another
reason."""
_LONGEST_WORD = 15

HIDDEN_TEXT = HIDDEN.encode()
_HIDDEN_VALUE = b'"' + HIDDEN_TEXT + b'"'

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\Z)|[{}\[\]:,]|[^\s"{}\[\]:,]+', re.DOTALL)
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_ALNUM = rb"(?:3[0-9]|4[1-9a-fA-F]|5[0-9aA]|6[1-9a-fA-F]|7[0-9aA])"
_SPELLED_FOR_JSON = re.compile(rb"\\u00" + _ALNUM)
_SPELLED_FOR_FORMS = re.compile(rb"%" + _ALNUM)
"""An escaped letter or digit: two patterns, as one each is found quickly."""


class Redacted(NamedTuple):
    """A text without credentials, and those found in it."""

    text: bytes
    found: frozenset[str]
    """Those that are long enough to be searched for elsewhere."""


def without_credentials(text: bytes) -> Redacted | None:
    """Return a body without its credentials; None if it cannot be read.

    They are found by the names of JSON members and form fields, however these are
    escaped. Other texts are searched for anything that looks like such a name.
    """
    if _NOT_TEXT.search(text):
        return None
    if _is_json(text):
        # Usually there is one, as clients write it: no need to read all tokens.
        redacted, members = _without_plain_members(text)
        if len(members) == _most_names_in(text):
            return _redacted(redacted, members)
        steps = [_without_members]
    else:
        steps = [_without_fields, _without_lookalikes, _without_members]
    found: set[str] = set()
    for step in steps:
        text, more = step(text)
        found |= more
    return _redacted(text, found)


def _redacted(text: bytes, found: Iterable[str]) -> Redacted:
    # The credential in "Bearer …" may also occur by itself.
    parts = {part for value in found for part in value.split() if not _is_word(part)}
    return Redacted(text, frozenset(c for c in {*found, *parts} if len(c) >= SHORTEST))


def _is_word(text: str) -> bool:
    """Return whether a text may be a word that also occurs for another reason."""
    return len(text) <= _LONGEST_WORD and not any(map(str.isdigit, text))


def is_spelled_otherwise(text: bytes) -> bool:
    """Return whether a letter or a digit is escaped in a text."""
    found = _SPELLED_FOR_JSON.search(text) or _SPELLED_FOR_FORMS.search(text)
    return found is not None


def may_name_a_credential(text: bytes) -> bool:
    """Return whether a text may contain the name of a credential (a quick check)."""
    if is_spelled_otherwise(text):
        return _NAMES.search(text) is not None
    text = text.lower()
    if b"key" not in text or (b"api" not in text and b"secret" not in text):
        return b"authorization" in text
    return _NAMES.search(text) is not None


def is_credential(name: str) -> bool:
    """Return whether a field, header or member of this name is a credential."""
    return _CREDENTIAL.search(name) is not None


def _spelled(word: str) -> str:
    """Return a pattern for a word in any case, with letters escaped or not."""
    return "".join(
        rf"(?:{c}|(?:\\+u00|%(?:25)*)(?:{ord(c):02x}|{ord(c.upper()):02x}))"
        for c in word
    )


_GAP = r"(?:[^0-9A-Za-z\"'\\]|(?:\\+u00|%(?:25)*)(?:2[0-9a-f]|5f)){0,3}"
_NAME = (
    rf"(?:(?:{_spelled('api')}|{_spelled('secret')}){_GAP}{_spelled('key')}"
    rf"|{_spelled('authorization')})"
)
_NAMES = re.compile(_NAME.encode(), re.IGNORECASE)
_PLAIN = re.compile(
    rf"""(?P<name>(?<!\\)"{_NAME}"\s*:\s*)(?P<value>"(?:[^"\\]|\\.)*")""".encode(),
    re.DOTALL | re.IGNORECASE,
)
"""A member with a credential as its value; in valid JSON it is nothing else."""


def _without_plain_members(text: bytes) -> tuple[bytes, list[str]]:
    found = []

    def hide(match: re.Match[bytes]) -> bytes:
        found.append(_text_of(match["value"]))
        return match["name"] + _HIDDEN_VALUE

    return _PLAIN.sub(hide, text), found


def _most_names_in(text: bytes) -> int:
    """Return an upper bound of the names of credentials in a text."""
    if is_spelled_otherwise(text):
        return sum(1 for _ in _NAMES.finditer(text))
    text = text.lower()
    return text.count(b"key") + text.count(b"authorization")


def _without_members(text: bytes) -> tuple[bytes, set[str]]:
    """Hide the values of JSON members that are named like credentials.

    It reads token by token, so that it also reads a text that breaks off.
    """
    kept: list[bytes] = []
    found: set[str] = set()
    done, previous = 0, b""
    tokens = _TOKEN.finditer(text)
    for token in tokens:
        part = token[0]
        if part == b":" and _names_credential(previous):
            start, end, values = _next_value(tokens)
            if end:
                kept += text[done:start], _HIDDEN_VALUE
                done = end
                found.update(values)
        elif part.startswith(b'"') and _NAMES.search(part):
            inner, more = _without_lookalikes(part.strip(b'"'))
            if HIDDEN_TEXT in inner:
                kept += text[done : token.start()], b'"', inner, b'"'
                done = token.end()
                found |= more
        previous = part
    kept.append(text[done:])
    return b"".join(kept), found


def _names_credential(token: bytes) -> bool:
    return len(token) <= _LONGEST_NAME and is_credential(_text_of(token))


def _next_value(tokens: Iterator[re.Match[bytes]]) -> tuple[int, int, list[str]]:
    """Return where the next value begins and ends, and the strings in it."""
    start = end = depth = 0
    strings: list[str] = []
    for number, token in enumerate(tokens):
        start, end = token.start() if number == 0 else start, token.end()
        part = token[0]
        if part in b"{[":
            depth += 1
        elif part in b"}]":
            depth -= 1
        elif part not in b":,":
            strings.append(_text_of(part))
        if depth <= 0:
            break
    return start, end, strings


def _text_of(token: bytes) -> str:
    try:
        return str(decode(token))
    except ValueError:
        return token.strip(b'"').decode("utf-8", "replace")


def _without_fields(text: bytes) -> tuple[bytes, set[str]]:
    """Hide the values of form fields, which may be JSON themselves."""
    found: set[str] = set()
    fields = []
    for field in text.split(b"&"):
        name, equals, value = field.partition(b"=")
        shown = unquote_plus(value.decode("utf-8", "surrogateescape"))
        if equals and is_credential(unquote_plus(name.decode("utf-8", "replace"))):
            found.add(shown)
            value = HIDDEN_TEXT
        elif equals and b"%" in value:
            plain = shown.encode("utf-8", "surrogateescape")
            redacted, strings = _without_members(plain)
            if redacted != plain:
                found |= strings
                value = quote_plus(redacted, safe="()").encode()
        fields.append(name + equals + value)
    return b"&".join(fields), found


_LOOKALIKE = re.compile(
    rf"""(?P<before>
        {_NAME}
        (?:\\*["'])?  (?!\s*[:=]\s*["']?\(hidden\))
        (?:\s*(?:[:=>]|%(?:25)*3[ad])+|\s*\r?\n\r?\n)  [\[{{(\s]*
    )(?:
        (?P<quote>\\*["'])(?P<quoted>.*?)
            (?:(?P<end>(?P=quote))(?=\s*(?:[,}}\])&;<]|\Z))|\Z)
        | (?P<bare>[^\s,}}\])&;"'<\\]+)
    )""".encode(),
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)


def _without_lookalikes(text: bytes) -> tuple[bytes, set[str]]:
    """Hide what follows anything that looks like the name of a credential."""
    found: set[str] = set()

    def hide(match: re.Match[bytes]) -> bytes:
        value = match["bare"] if match["quote"] is None else match["quoted"]
        text = _text_of(b'"' + value + b'"')
        if not _is_word(text):  # as in "api key: required"
            found.add(text)
        quote, end = match["quote"] or b"", match["end"] or b""
        return match["before"] + quote + HIDDEN_TEXT + end

    return _LOOKALIKE.sub(hide, text), found


def _is_json(text: bytes) -> bool:
    try:
        decode(text)
    except ValueError:
        return False
    return True
