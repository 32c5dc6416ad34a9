"""Shows the result of a comparison to people."""

from __future__ import annotations

import typing as t

from target_amplitude_nami.text import counted, printable

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_amplitude_nami.reconciliation.result import Count, Finding, Result

_MOST_SHOWN: t.Final = 5
_COLUMNS: t.Final = ("in both", "missing", "different", "doubled", "only in Amplitude")
_DIFFERENT: t.Final = _COLUMNS.index("different")
_TITLES: t.Final = {
    "missing": "Missing in Amplitude",
    "different": "Different in Amplitude",
    "doubled": "More than once in Amplitude",
    "only_in_amplitude": "Only in Amplitude",
}


def lines_of(result: Result) -> Iterator[str]:
    """Yield what a comparison found, line by line."""
    if result.end < result.start:
        yield f"{printable(result.compared_with)} and Amplitude from {result.start} on"
    else:
        yield (
            f"{printable(result.compared_with)} and Amplitude, "
            f"{result.start} to {result.end} (UTC)"
        )
    columns = [
        place
        for place in range(len(_COLUMNS))
        if place != _DIFFERENT or result.different is not None
    ]
    if result.counts:
        yield ""
        yield from _table("event type", _by_type(result.counts), columns)
    bad_days = _days_in_disorder(result.counts)
    if bad_days:
        yield ""
        yield from _table("day of first delivery", bad_days, columns)
    for name, title in _TITLES.items():
        yield from _examples(title, [e for e in result.examples if e.finding == name])
    yield ""
    yield from (printable(note) for note in result.notes)
    yield from (printable(problem) for problem in result.problems)
    if result.resent is not None:
        resent = result.resent
        yield (
            f"{counted(resent.records, 'record')} written to "
            f"{printable(resent.path)}: run the target with this file as input, then "
            f"reconcile again."
        )
    if result.clean:
        yield f"Clean: {_all_of(result.compared)} in Amplitude."


def _all_of(count: int) -> str:
    return "the 1 event compared is" if count == 1 else f"all {count:,} events are"


def _by_type(counts: Iterable[Count]) -> dict[str, list[int]]:
    return _summed((count.event_type, count) for count in counts)


def _days_in_disorder(counts: Iterable[Count]) -> dict[str, list[int]]:
    days = _summed((count.day or "not known", count) for count in counts)
    return {day: row for day, row in days.items() if any(row[1:])}


def _summed(named: Iterable[tuple[str, Count]]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for name, count in named:
        row = rows.setdefault(name, [0] * len(_COLUMNS))
        numbers = (
            count.in_both,
            count.missing,
            count.different,
            count.doubled,
            count.only_in_amplitude,
        )
        rows[name] = [a + b for a, b in zip(row, numbers, strict=True)]
    return dict(sorted(rows.items()))


def _table(title: str, rows: dict[str, list[int]], columns: list[int]) -> Iterator[str]:
    names = {name: printable(name) for name in rows}
    width = max(len(title), *map(len, names.values()))
    titles = [_COLUMNS[place] for place in columns]
    yield "  ".join([title.ljust(width), *titles])
    for name, numbers in rows.items():
        cells = [f"{numbers[place]:,}".rjust(len(_COLUMNS[place])) for place in columns]
        yield "  ".join([names[name].ljust(width), *cells])


def _examples(title: str, findings: list[Finding]) -> Iterator[str]:
    if not findings:
        return
    yield ""
    yield f"{title}:"
    for finding in findings[:_MOST_SHOWN]:
        at = f", delivered {finding.at}" if finding.at else ""
        if finding.finding == "only_in_amplitude":
            at = f", there since {finding.at}" if finding.at else ""
        yield f"  {printable(finding.event_type)} {printable(finding.insert_id)}{at}"
        for difference in finding.differences[:_MOST_SHOWN]:
            yield (
                f"    {printable(difference.field)}: sent "
                f"{printable(difference.sent)}, in Amplitude "
                f"{printable(difference.in_amplitude)}"
            )
    if len(findings) > _MOST_SHOWN:
        yield "  … and more: --ids FILE has all of them"
