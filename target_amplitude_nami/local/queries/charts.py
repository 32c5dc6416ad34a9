"""Defines the charts of the page and their figures, as they are sent in JSON."""

from __future__ import annotations

import msgspec


class State(msgspec.Struct, frozen=True):
    """The facts that the page asks for first."""

    file: str
    first: int | None
    last: int | None
    types: list[str]
    users: int
    version: int
    region: str


class Totals(msgspec.Struct, frozen=True):
    """How much was accepted.

    Events, users and identifies are those of the selected range and types, users only
    those with such an event; the rest is about the requests of the whole file.
    """

    events: int
    users: int
    duplicates: int
    identifies: int
    requests: int
    refused: int


class TypeRow(msgspec.Struct, frozen=True):
    """An event type within the selected range."""

    type: str
    events: int
    users: int


class Series(msgspec.Struct, frozen=True):
    """Counts over time."""

    type: str
    counts: list[int]


class Overview(msgspec.Struct, frozen=True):
    """Events over time by type, and the totals."""

    totals: Totals
    types: list[TypeRow]
    bucket: int
    starts: list[int]
    series: list[Series]
