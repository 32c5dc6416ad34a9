"""Defines the exception that ends a lane before everything is delivered."""

from __future__ import annotations


class Stopped(Exception):  # noqa: N818
    """Raised to end a lane at once; its open events stay unsettled."""
