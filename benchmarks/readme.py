"""The parts of the README that are made from results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import contestants as who
from benchmarks import goals
from benchmarks.goals import shown
from benchmarks.results import described

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.results import Result, Results

_EVENTS_AN_HOUR = 10_000


def write(path: Path, results: Results) -> None:
    """Replace those parts of a file that are made from results."""
    text = path.read_text("utf-8")
    for name, part in parts(results).items():
        before, after = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        start, end = text.index(before) + len(before), text.index(after)
        text = f"{text[:start]}\n{part}\n{text[end:]}"
    path.write_text(text, "utf-8")


def parts(results: Results) -> dict[str, str]:
    """Return the text of each part, by the name of its marks."""
    return {
        "summary": summary(results),
        "goals": f"{goals.table(results)}\nMeasured at {described(results.origin)}.\n",
        "details": "\n".join(
            _details(name, part) for name, part in results.parts.items()
        ),
    }


def summary(results: Results) -> str:
    """Return what a user wants to know, in three sentences."""
    sentences = [_speed(results), _cost(results), _when_to_use_more(results)]
    return " ".join(sentence for sentence in sentences if sentence) + "\n"


def _speed(results: Results) -> str:
    speed = results.figure("throughput", f"{who.OURS}, usual")
    if speed is None:
        return ""
    peers = [
        f"{shown(times)} times as many as {peer}"
        for peer, name in (
            ("Amplitude's own Python client", who.OFFICIAL),
            ("a plain target of the Singer SDK", who.PLAIN),
        )
        if (times := results.figure("throughput", f"{who.OURS} / {name}, usual"))
    ]
    compared = f", {' and '.join(peers)}" if peers else ""
    return f"**One process delivers about {_round(speed)} events a second**{compared}."


def _cost(results: Results) -> str:
    cpu = results.figure("throughput", "CPU for a million events, usual")
    sent = results.figure("throughput", "bytes sent for an event, usual")
    start = results.figure("start", "start to first request, CPU")
    if cpu is None or sent is None or start is None:
        return ""
    hour = start + cpu * _EVENTS_AN_HOUR / 1e6
    return (
        f"**A million events cost {shown(cpu)} s of CPU** and {shown(sent)} MB of "
        f"traffic, and a run costs {shown(start)} s more to start: an hour with "
        f"{_EVENTS_AN_HOUR:,} events takes {shown(hour)} s."
    )


def _when_to_use_more(results: Results) -> str:
    speed = results.figure("throughput", f"{who.OURS}, usual")
    if speed is None:
        return ""
    faster = results.figure("partitions", "load: 2 processors / 1")
    measured = f" (two were {shown(faster)} times as fast as one)" if faster else ""
    return (
        f"**One process is enough up to {_round(speed * 3600)} events an hour**; for "
        f"history in Parquet files, `amplitude-nami load --workers N` uses N processors"
        f"{measured}, and Spark is for data that it reads anyway, or that need more "
        "than one machine."
    )


def _round(figure: float) -> str:
    """Return a figure with two digits, in words from a million on."""
    rounded = int(float(f"{figure:.2g}"))
    return f"{rounded / 1e6:g} million" if rounded >= 1_000_000 else f"{rounded:,}"


def _details(name: str, part: Result) -> str:
    rows = "".join(
        f"| {row.what} | {shown(row.figure)}{row.unit} | {row.note} |\n"
        for row in part.rows
    )
    return f"**{name}**. {part.says}\n\n| | measured | |\n|---|---:|---|\n{rows}"
