"""Takes a person out of the request log of a local Amplitude."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from target_amplitude_nami.erasing.event_bodies import EventEraser
from target_amplitude_nami.erasing.mentions import Mentions

if TYPE_CHECKING:
    import sqlite3

    from target_amplitude_nami.erasing.person import Person

_INSTEAD = "***"


def redact_log(connection: sqlite3.Connection, person: Person) -> int:
    """Take a person out of the bodies and answers that the log keeps.

    In a body `{}` takes the place of an event, as answers count events by their places.

    Args:
        connection: The file, in a transaction.
        person: The person.

    Returns:
        How many requests named them.
    """
    return len(_redact_bodies(connection, person) | _redact_answers(connection, person))


def _redact_bodies(connection: sqlite3.Connection, person: Person) -> set[int]:
    eraser = EventEraser(person)
    named: set[int] = set()
    # One at a time: a body may have megabytes.
    for (request,) in connection.execute("SELECT request FROM bodies").fetchall():
        [[body]] = connection.execute(
            "SELECT body FROM bodies WHERE request = ?", (request,)
        )
        erased = eraser.without_events(bytes(body), leaves_blanks=True)
        if not erased.events:
            continue
        named.add(request)
        if erased.body is None:
            connection.execute("DELETE FROM bodies WHERE request = ?", (request,))
        else:
            connection.execute(
                "UPDATE bodies SET body = ? WHERE request = ?", (erased.body, request)
            )
    return named


def _redact_answers(connection: sqlite3.Connection, person: Person) -> set[int]:
    """Take ids out of refusals, which name throttled users and quote what is wrong."""
    mentions = Mentions(person, person.user_ids)
    named: dict[int, tuple[bytes, str]] = {}
    for number, answer, error in connection.execute(
        "SELECT number, answer, error FROM requests"
        " WHERE status NOT BETWEEN 200 AND 399"
    ):
        if not mentions.may_be_in(answer) and not mentions.may_be_in(error.encode()):
            continue
        redacted = _redacted(answer, mentions), mentions.without_ids(error, _INSTEAD)
        if redacted != (answer, error):
            named[number] = redacted
    connection.executemany(
        "UPDATE requests SET answer = ?, error = ? WHERE number = ?",
        [(*redacted, number) for number, redacted in named.items()],
    )
    return set(named)


def _redacted(answer: bytes, mentions: Mentions) -> bytes:
    try:
        value = msgspec.json.decode(answer)
    except (ValueError, RecursionError):
        text = answer.decode("utf-8", "replace")
        redacted = mentions.without_ids(text, _INSTEAD)
        return answer if redacted == text else redacted.encode()
    without = _without_ids(value, mentions)
    return answer if without == value else msgspec.json.encode(without)


def _without_ids(value: Any, mentions: Mentions) -> Any:
    if isinstance(value, dict):
        return {
            mentions.without_ids(name, _INSTEAD): _without_ids(inner, mentions)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_without_ids(inner, mentions) for inner in value]
    return mentions.without_ids(value, _INSTEAD) if isinstance(value, str) else value
