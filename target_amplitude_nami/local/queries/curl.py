"""Writes a request as a command of a shell that sends it again."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

import msgspec

from target_amplitude_nami.local.ingest import limits
from target_amplitude_nami.local.queries.sent_events import stored_events

if TYPE_CHECKING:
    import sqlite3

KEY_VARIABLE: Final = "TARGET_AMPLITUDE_NAMI_API_KEY"
"""Where the command takes the API key from, as the file does not keep it."""

_PATHS = {api.name: api.path for api in limits.APIS.values()}
_KEY = re.compile(rb'("api_key"\s*:\s*")(?:[^"\\]|\\.)*(")', re.DOTALL)
_parts = msgspec.json.Decoder(dict[str, msgspec.Raw])


class CurlCommand(msgspec.Struct, frozen=True):
    """A command for a POSIX shell such as bash."""

    command: str


def curl_command(
    connection: sqlite3.Connection, number: int, server: str
) -> CurlCommand | None:
    """Return the command that sends a request again, not compressed.

    Of a refused request it is the body as it came, but for the key; of an accepted one,
    whose body is not kept, a body with its events as they came.

    Args:
        connection: The file.
        number: The request's number.
        server: The URL of this server, without a slash at the end.

    Returns:
        None when there is no such request, or nothing is left of its body.
    """
    row = connection.execute(
        "SELECT api, body FROM requests LEFT JOIN bodies ON request = number"
        " WHERE number = ?",
        (number,),
    ).fetchone()
    if row is None or row[0] not in _PATHS:
        return None
    api, body = row
    if body is None:
        raws = stored_events(connection, number)
        if not raws:
            return None
        body = b'{"api_key":"","events":[%b]}' % b",".join(raw for _, raw in raws)
    return CurlCommand(_command(_around_the_key(body), f"{server}{_PATHS[api]}"))


def _around_the_key(body: bytes) -> list[bytes]:
    """Return the body in two parts, between which its key stands; in one without."""
    start = end = len(body)
    try:
        events = bytes(_parts.decode(body).get("events", b""))
    except (msgspec.DecodeError, RecursionError):
        events = b""
    if events:  # which may have a property of this name
        start = body.index(events)
        end = start + len(events)
    for since, until in ((0, start), (end, len(body))):
        if found := _KEY.search(body, since, until):
            return [body[: found.end(1)], body[found.start(2) :]]
    return [body]


def _command(parts: list[bytes], url: str) -> str:
    """Return the command; `printf` is part of the shell, and takes any length."""
    is_plain = all(map(_is_plain, parts))
    quoted = [_quoted(part) if is_plain else _escaped(part) for part in parts]
    printed = f"printf {'%s' if is_plain else '%b'} " + f' "${KEY_VARIABLE}" '.join(
        quoted
    )
    curl = "curl --silent --show-error --header 'Content-Type: application/json'"
    lines = [f"{printed} |", f"{curl} --data-binary @- {shlex.quote(url)}"]
    if len(parts) > 1:
        lines.insert(0, f': "${{{KEY_VARIABLE}:?set it to the API key}}" &&')
    return "\n".join(lines) + "\n"


def _is_plain(part: bytes) -> bool:
    """Return whether a terminal takes the bytes as they are."""
    try:
        return part.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _quoted(part: bytes) -> str:
    inner = part.decode().replace("'", "'\\''")
    return f"'{inner}'"


def _escaped(part: bytes) -> str:
    """Return bytes as `printf %b` reads them."""
    return "'{}'".format(
        "".join(
            chr(byte) if _MAY_STAND.match(chr(byte)) else f"\\0{byte:03o}"
            for byte in part
        )
    )


_MAY_STAND = re.compile(r"[ -&(-\[\]-~]")
"""Printable ASCII but for the quote and the backslash."""
