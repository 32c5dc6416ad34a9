"""Defines a finding, and how its figures are worded."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from target_amplitude_nami.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_NAMED = 5
_LONGEST_NAME = 60


class Severity(StrEnum):
    """How much a finding matters; the worst comes first."""

    PROBLEM = "problem"
    """What is sent is wrong or incomplete: charts would mislead."""
    WARNING = "warning"
    """It may be meant so; somebody who knows the app should decide."""
    NOTE = "note"
    """Good to know when charts are read."""


RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong or worth knowing."""

    key: str
    """Never changes; programs may rely on it."""
    severity: Severity
    text: str
    """What is so, and what it means. Names stand between backticks."""
    advice: str
    """What to do, with the setting that does it."""
    count: int
    """How many events, records, users or names it concerns."""
    of: int | None = None
    """Of how many; None where there is no such number."""
    evidence: str
    """Where the page shows it: the fragment of its address."""

    @property
    def share(self) -> float | None:
        """Which part it concerns, from 0 to 1."""
        return self.count / self.of if self.of else None


class Good(msgspec.Struct, frozen=True):
    """Something that was checked and found good."""

    key: str
    text: str


class Findings(msgspec.Struct, frozen=True):
    """Everything that was found out, the worst first."""

    findings: list[Finding]
    good: list[Good]

    @property
    def has_problem(self) -> bool:
        """Whether any finding is of the worst severity."""
        return any(found.severity is Severity.PROBLEM for found in self.findings)


def as_json(found: Findings) -> dict[str, object]:
    """Return findings as JSON values, each with its share."""
    return {
        "findings": [
            {**msgspec.to_builtins(finding), "share": finding.share}
            for finding in found.findings
        ],
        "good": msgspec.to_builtins(found.good),
    }


def section(name: str) -> str:
    """Return the address of a section of the view."""
    return f"#/trust?show={name}"


def percent(part: int, whole: int) -> str:
    """Return a share in whole percent that never rounds to all or to nothing."""
    if part == whole:
        return "100 %"
    value = 100 * part / whole
    if value < 1:
        return "Under 1 %"
    return "Over 99 %" if value > 99 else f"{value:.0f} %"  # noqa: PLR2004 - of 100


def quoted(names: Sequence[str]) -> str:
    """Return names between backticks, the first of them if there are many."""
    shown = [f"`{_shortened(name)}`" for name in names[:_MOST_NAMED]]
    if len(names) > _MOST_NAMED:
        shown.append(counted(len(names) - _MOST_NAMED, "other"))
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def of_all(part: int, whole: int, noun: str) -> str:
    """Return `All 12 events`, or `37 % of events (3 of 8)`, of a noun in the plural."""
    if part == whole:
        return f"All {whole:,} {noun}" if whole > 1 else f"The only one of the {noun}"
    return f"{percent(part, whole)} of {noun} ({part:,} of {whole:,})"


def verb(number: int, one: str, many: str) -> str:
    """Return the verb that agrees with a number."""
    return one if number == 1 else many
