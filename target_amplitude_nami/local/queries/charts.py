"""The charts of the page and their figures, as they go out in JSON."""

from __future__ import annotations

import msgspec


class State(msgspec.Struct, frozen=True):
    """What the page has to know before all else."""

    file: str
    first: int | None
    last: int | None
    types: list[str]
    users: int
    version: int
    region: str


class Totals(msgspec.Struct, frozen=True):
    """What was taken in.

    Events, users and identifies are those of the range and types asked for, users only
    those with such an event; the rest is about requests, and of the whole file.
    """

    events: int
    users: int
    duplicates: int
    identifies: int
    requests: int
    refused: int


class TypeRow(msgspec.Struct, frozen=True):
    """An event type in the range that is asked for."""

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


class Line(msgspec.Struct, frozen=True):
    """Counts over time of what is of interest for growth."""

    name: str
    counts: list[int]


class Step(msgspec.Struct, frozen=True):
    """How many users came so far."""

    step: str
    users: int


class Subscriptions(msgspec.Struct, frozen=True):
    """How subscriptions come and go."""

    bucket: int
    starts: list[int]
    series: list[Line]
    funnel: list[Step]
