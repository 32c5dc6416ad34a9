"""How delivery ends before everything is delivered."""

from __future__ import annotations


class DeliveryError(Exception):
    """Nothing more can be delivered; the message says what to do."""


class Stopped(Exception):  # noqa: N818
    """A lane has to end at once; what is not settled stays unsettled."""
