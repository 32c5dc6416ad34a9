"""Defines the figures of the view Subscriptions, as they are sent in JSON.

Times are in milliseconds since 1970; amounts are decimal numbers as text.
"""

from __future__ import annotations

import msgspec


class Line(msgspec.Struct, frozen=True):
    """Counts over time of one kind of subscription event, or of one status."""

    name: str
    counts: list[int]


class Step(msgspec.Struct, frozen=True):
    """How many users of the funnel took a step, after they saw their first paywall."""

    key: str
    of: str | None
    """The step that they are a part of."""
    users: int


class Payers(msgspec.Struct, frozen=True):
    """Users who pay, by the way they came; each is in one."""

    key: str
    users: int
    without_paywall: int
    """Those of them who saw no paywall before they paid."""


class Conversion(msgspec.Struct, frozen=True):
    """What users did after they met with a paywall, a platform, a segment or a SKU."""

    value: str
    """Empty where the events name none."""
    users: int
    transaction: int
    trial: int
    paying: int


class Breakdown(msgspec.Struct, frozen=True):
    """Conversions by the values of one dimension, the best first."""

    by: str
    rows: list[Conversion]


class Money(msgspec.Struct, frozen=True):
    """What transactions in one currency amount to, in a week or in all."""

    currency: str
    """Empty where transactions name none."""
    sandbox: bool
    week: int | None
    """Where the week starts; None for all."""
    payments: int
    paid: str
    refunds: int
    refunded: str
    """Zero or below."""
    unpriced: int
    """Transactions without an amount, or of zero."""


class Subscriptions(msgspec.Struct, frozen=True):
    """How subscriptions come and go."""

    since: int | None
    """Where the first day starts that has data, within the range asked for."""
    until: int | None
    """Where the day after the last one starts."""
    bucket: int
    starts: list[int]
    series: list[Line]
    funnel: list[Step]
    payers: list[Payers]
    breakdowns: list[Breakdown]
    weeks: list[int]
    """Where the weeks start; several are one where the range has very many."""
    week: int
    """How long such a week is."""
    money: list[Money]
    totals: list[Money]
    statuses: list[Line]
    """Users by status at the end of each week."""
