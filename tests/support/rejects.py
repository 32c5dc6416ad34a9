"""Lines of a rejects file, as a run writes them."""

from __future__ import annotations

import json

from target_amplitude_nami.singer.reject_lines import with_why


def because(
    message: bytes,
    reason: str,
    at: str = "2026-06-01T08:00:00+00:00",
    integration: str = "nami",
) -> bytes:
    """Return a RECORD message as a reject.

    Args:
        message: The message.
        reason: Why it was rejected.
        at: When.
        integration: Whose reject it is.
    """
    why = {
        "reason": reason,
        "field": "",
        "detail": "so",
        "status": None,
        "integration": integration,
        "at": at,
    }
    return with_why(message, json.dumps(why).encode()) + b"\n"
