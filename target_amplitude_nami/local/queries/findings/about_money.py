"""Findings about revenue, currencies and the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_amplitude_nami.local.queries.findings.finding import (
    Finding,
    Good,
    Severity,
    section,
    verb,
)
from target_amplitude_nami.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_amplitude_nami.local.queries.findings.evidence import Evidence
    from target_amplitude_nami.local.queries.findings.money import Money

_MONEY = section("money")


def about_money(evidence: Evidence) -> Iterator[Finding | Good]:
    """Yield what there is to say about revenue, currencies and the sandbox."""
    sums = evidence.money.sums
    revenue = [each for each in sums if each.is_revenue]
    if not sums:
        return
    found = [*_no_currency(revenue), *_sandbox(evidence, revenue)]
    yield from found
    if not revenue:
        yield _no_revenue(sums)
    yield from _currencies(revenue)
    if revenue and not found:
        yield Good("revenue", "Revenue has a currency, and none is from the sandbox.")


def _no_currency(revenue: Sequence[Money]) -> Iterator[Finding]:
    count = sum(each.events for each in revenue if not each.currency)
    if count:
        yield Finding(
            key="revenue_without_currency",
            severity=Severity.PROBLEM,
            text=(
                f"{counted(count, 'event names', 'events name')} revenue without a "
                f"currency: Amplitude adds it up with every other one."
            ),
            advice="Give the input a column `currency`, or a `locale` that names one.",
            count=count,
            of=sum(each.events for each in revenue),
            evidence=_MONEY,
        )


def _sandbox(evidence: Evidence, revenue: Sequence[Money]) -> Iterator[Finding]:
    count = sum(each.events for each in revenue if each.is_sandbox)
    if count:
        yield Finding(
            key="sandbox_revenue",
            severity=Severity.PROBLEM,
            text=(
                f"{counted(count, 'test purchase')} of the stores' sandbox "
                f"{verb(count, 'counts', 'count')} as revenue."
            ),
            advice=(
                "Set `sandbox_purchases` to `skip`, or `sandbox_api_key` to the key of "
                "another project."
            ),
            count=count,
            of=sum(each.events for each in revenue),
            evidence=_MONEY,
        )
        return
    mixed = evidence.money.mixed_sandbox
    if mixed:
        yield Finding(
            key="sandbox_beside_production",
            severity=Severity.WARNING,
            text=(
                f"{counted(mixed, 'test purchase')} of the stores' sandbox "
                f"{verb(mixed, 'is', 'are')} among the transactions of production: "
                f"funnels and conversion rates count {verb(mixed, 'it', 'them')}."
            ),
            advice=(
                "Set `sandbox_purchases` to `skip`, or `sandbox_api_key` to the key of "
                "another project."
            ),
            count=mixed,
            of=sum(each.events for each in evidence.money.sums),
            evidence=_MONEY,
        )


def _no_revenue(sums: Sequence[Money]) -> Finding:
    count = sum(each.events for each in sums)
    return Finding(
        key="no_revenue",
        severity=Severity.NOTE,
        text=(
            f"{counted(count, 'transaction names', 'transactions name')} an amount, "
            f"but only as an event property: Amplitude's revenue charts stay empty."
        ),
        advice=(
            "Set `revenue` to `transactions`, unless the app itself reports its "
            "purchases to the same project."
        ),
        count=count,
        of=count,
        evidence=_MONEY,
    )


def _currencies(revenue: Sequence[Money]) -> Iterator[Finding]:
    names = sorted({each.currency for each in revenue if each.currency})
    if len(names) > 1:
        yield Finding(
            key="several_currencies",
            severity=Severity.NOTE,
            text=(
                f"Revenue comes in {len(names)} currencies ({', '.join(names)}): the "
                f"sum of `$revenue` in a chart adds them up as they are."
            ),
            advice=(
                "Chart one currency at a time, or switch on currency conversion in "
                "Amplitude."
            ),
            count=len(names),
            evidence=_MONEY,
        )
