"""Any text of Nami's in a form that SQLite takes."""

from __future__ import annotations

import base64
import hashlib


def to_bytes(text: str) -> bytes:
    """Return any text as bytes, half a character included."""
    return text.encode("utf-8", "surrogatepass")


def key_of(text: str, salt: bytes = b"") -> str:
    """Return 96 bits of a text's hash: as good as the text, short, and plain ASCII."""
    digest = hashlib.blake2b(to_bytes(text), digest_size=12, key=salt).digest()
    return base64.b64encode(digest).decode()


def shown(text: str) -> str:
    """Return a text in which nothing is half a character."""
    return text.encode("utf-8", "replace").decode()
