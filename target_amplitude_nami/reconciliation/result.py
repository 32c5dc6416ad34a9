"""What a comparison found, as `amplitude-nami reconcile --json` prints it."""

from __future__ import annotations

import typing as t

import msgspec

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.reconciliation.workspace import Workspace

MISSING: t.Final = "missing"
DIFFERENT: t.Final = "different"
DOUBLED: t.Final = "doubled"
ONLY_IN_AMPLITUDE: t.Final = "only_in_amplitude"
_MOST_EXAMPLES: t.Final = 10

_COUNTS: t.Final = """
SELECT event_type, day, sum(both), sum(missing), sum(different), sum(doubled), sum(only)
FROM (
    SELECT event_type, date(delivered / 1000, 'unixepoch') AS day,
        place IN (SELECT place FROM seen) AS both,
        place NOT IN (SELECT place FROM seen) AS missing,
        place IN (SELECT place FROM differences) AS different,
        place IN (SELECT place FROM doubled) AS doubled,
        0 AS only
    FROM expected
    WHERE standing = 0 OR place IN (SELECT place FROM seen)
    UNION ALL
    SELECT event_type, date(uploaded / 1000, 'unixepoch'), 0, 0, 0, 0, 1 FROM others
)
GROUP BY day, event_type ORDER BY day, event_type
"""
_EVENTS: t.Final = """
SELECT event_type, insert_id, device_id, user_id, time, delivered, place FROM expected
WHERE {condition} ORDER BY place
"""
_CONDITIONS: t.Final = {
    MISSING: "standing = 0 AND place NOT IN (SELECT place FROM seen)",
    DIFFERENT: "place IN (SELECT place FROM differences)",
    DOUBLED: "place IN (SELECT place FROM doubled)",
}
_OTHERS: t.Final = """
SELECT event_type, insert_id, device_id, user_id, time, uploaded, 0 FROM others
ORDER BY rowid
"""
_TIMES: t.Final = "strftime('%Y-%m-%dT%H:%M:%fZ', ? / 1000.0, 'unixepoch')"


class Count(msgspec.Struct, frozen=True):
    """The events of one type and one day."""

    event_type: str
    day: str | None
    """Of the first delivery; null where the memory file does not know it."""
    in_both: int
    missing: int
    different: int
    doubled: int
    only_in_amplitude: int


class FieldDifference(msgspec.Struct, frozen=True):
    """A field that differs, and both of its values as text."""

    field: str
    sent: str
    in_amplitude: str


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event that is not in order: a line of the file of `--ids`."""

    finding: str
    """`missing`, `different`, `doubled` or `only_in_amplitude`."""
    event_type: str
    insert_id: str
    device_id: str | None
    user_id: str | None
    time: str | None
    """When it happened."""
    at: str | None
    """When it was delivered first, or, in Amplitude alone, when that got it."""
    differences: list[FieldDifference] = []


class Resent(msgspec.Struct, frozen=True):
    """What `--resend` has done."""

    path: str
    records: int
    forgotten: int
    """How many events the memory file does not count as delivered any more."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A whole comparison."""

    clean: bool
    """Whether everything was compared, and nothing is wrong."""
    problems: list[str]
    """Why not, a sentence each."""
    notes: list[str]
    """What else there is to know, a sentence each."""
    start: str
    end: str
    """The first and the last hour; the end is before the start when none is left."""
    compared_with: str
    """`memory_path` or the input, and its file."""
    compared: int
    in_both: int
    missing: int
    only_in_amplitude: int
    different: int | None
    """Null without `--input`."""
    doubled: int
    foreign: int
    """Events of other sources in the export."""
    exported: int
    """All events in the export."""
    not_compared: dict[str, int]
    """Events and records by the reason why they are not compared."""
    counts: list[Count]
    examples: list[Finding]
    """The first of each finding."""
    resent: Resent | None = None


def counts_of(workspace: Workspace) -> list[Count]:
    """Return the counts by day and type."""
    return [
        Count(event_type, day, *numbers)
        for event_type, day, *numbers in workspace.rows(_COUNTS)
    ]


def standing_counts(workspace: Workspace) -> dict[int, int]:
    """Return how many events of each standing Amplitude does not have."""
    query = (
        "SELECT standing, count(*) FROM expected"
        " WHERE place NOT IN (SELECT place FROM seen) GROUP BY standing"
    )
    return dict(workspace.rows(query))


def findings(workspace: Workspace) -> Iterator[Finding]:
    """Yield all events that are not in order."""
    for name in (MISSING, DIFFERENT, DOUBLED, ONLY_IN_AMPLITUDE):
        yield from _findings(workspace, name, -1)


def examples(workspace: Workspace) -> list[Finding]:
    """Return the first events of each finding."""
    return [
        finding
        for name in (MISSING, DIFFERENT, DOUBLED, ONLY_IN_AMPLITUDE)
        for finding in _findings(workspace, name, _MOST_EXAMPLES)
    ]


def _findings(workspace: Workspace, name: str, most: int) -> Iterator[Finding]:
    condition = _CONDITIONS.get(name)
    events = _OTHERS if condition is None else _EVENTS.format(condition=condition)
    for event_type, insert_id, device, user, time, at, place in workspace.rows(
        f"{events} LIMIT ?", most
    ):
        yield Finding(
            name,
            event_type,
            insert_id,
            device,
            user,
            _time(workspace, time),
            _time(workspace, at),
            _differences(workspace, place) if name == DIFFERENT else [],
        )


def _differences(workspace: Workspace, place: int) -> list[FieldDifference]:
    query = (
        "SELECT DISTINCT field, sent, found FROM differences WHERE place = ?"
        " ORDER BY rowid"
    )
    return [FieldDifference(*row) for row in workspace.rows(query, place)]


def _time(workspace: Workspace, milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    [[text]] = workspace.rows(f"SELECT {_TIMES}", milliseconds)
    return t.cast("str | None", text)
