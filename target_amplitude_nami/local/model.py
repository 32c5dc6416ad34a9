"""Defines requests and answers, for all subpackages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

JsonObject: TypeAlias = dict[str, Any]

Explain: TypeAlias = Callable[[str], JsonObject]
"""Explains the event of an insert id as JSON; an object with an `error` says why not.
Any thread may call it, and it may take seconds."""


ExplainReject: TypeAlias = Callable[[Path, int], JsonObject]
"""Likewise explains the record on a line, from 1, of a rejects file."""


class Request(msgspec.Struct, frozen=True):
    """A request as it came over the wire; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: bytes = b""
    peer: str = "127.0.0.1"
    """The address that it came from."""


class Answer(msgspec.Struct, frozen=True):
    """Amplitude's answer to a request: a status and a JSON object."""

    status: int
    content: JsonObject

    @property
    def body(self) -> bytes:
        """The answer as it goes over the wire."""
        return msgspec.json.encode(self.content)

    @property
    def error(self) -> str:
        """The error message of a refusal; empty for others."""
        return str(self.content.get("error", ""))


class RefusedError(Exception):
    """A request is answered with 400 or above and changes nothing.

    Args:
        status: The answer's status.
        error: The answer's error message.
        **more: Further keys of the answer.
    """

    def __init__(self, status: int, error: str, **more: Any) -> None:
        super().__init__(error)
        self.answer = Answer(status, {"code": status, "error": error, **more})


class Upload(msgspec.Struct, frozen=True):
    """The content of a request: its events, decoded and as the bytes that were sent."""

    api_key: str
    min_id_length: int
    events: list[Any]
    raws: list[bytes]

    @property
    def project(self) -> str:
        """The name under which the key's project is stored; not the key itself."""
        return project_of(self.api_key)


def project_of(api_key: str) -> str:
    """Return the name under which everything sent with this key is stored."""
    return blake2b(api_key.encode("utf-8", "replace"), digest_size=6).hexdigest()
