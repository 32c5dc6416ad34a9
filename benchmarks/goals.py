"""What a user may expect: each goal is a figure of one benchmark, taken in one run."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.results import Results

_SIGNS: Final = {"≥": (operator.ge, "at least"), "≤": (operator.le, "at most")}


@dataclass(frozen=True, slots=True)
class Goal:
    """How good a figure should be, and what keeps it from being so."""

    says: str
    """What a reader calls it."""
    part: str
    what: str
    """The benchmark, and the name of its row."""
    sign: str
    """At least (`≥`) or at most (`≤`)."""
    value: float
    bound: str
    """What bounds it; shown only where the goal is not reached."""
    unit: str = " times"

    def is_reached_by(self, figure: float) -> bool:
        """Whether a figure is as good as that."""
        compare, _ = _SIGNS[self.sign]
        return bool(compare(figure, self.value))

    @property
    def wanted(self) -> str:
        """The goal in words."""
        return f"{_SIGNS[self.sign][1]} {shown(self.value)}{self.unit}"


_PER_RECORD: Final = (
    "the one thread that takes the records in their order: reading, checks, identity, "
    "mapping and accounting are Python that runs for each (*profile* has the parts)"
)

GOALS: Final = (
    Goal(
        "as fast as Amplitude's own Python client",
        "throughput",
        "target / amplitude-analytics, usual",
        "≥",
        5,
        _PER_RECORD,
    ),
    Goal(
        "as fast as a plain target of the Singer SDK",
        "throughput",
        "target / plain SDK target, usual",
        "≥",
        8,
        _PER_RECORD,
    ),
    Goal(
        "of a bare loop without checks, retries or STATE",
        "throughput",
        "target / bare loop, usual",
        "≥",
        0.33,
        _PER_RECORD,
        "",
    ),
    Goal(
        "BATCH messages, of the speed of standard input",
        "meltano",
        "BATCH, plain / stdin",
        "≥",
        1,
        "the work after reading, which is the same for both and is most of it",
        "",
    ),
    Goal(
        "`meltano run`, of the target alone",
        "meltano",
        "meltano run / target alone",
        "≥",
        0.9,
        "Meltano's own work: it copies each line from the tap to the target, on a "
        "processor that the target's lanes use as well where there are only two",
        "",
    ),
    Goal(
        "16 lanes and answers after 100 ms, of the speed without delay",
        "lanes",
        "16 lanes, 100 ms an answer / no delay",
        "≥",
        0.95,
        "keeping in mind which lane has events of which user, and more events on their "
        "way than the processor's caches hold: without a wait, one lane does",
        "",
    ),
    Goal(
        "memory, however long the input",
        "memory",
        "highest peak",
        "≤",
        150,
        "what is kept in RAM of the users who came last, the events on their way, and "
        "with `memory_path` what is read while a lane saves what came before",
        " MB",
    ),
    Goal(
        "memory with `memory_path`, long input / short input",
        "memory",
        "long input / short input, with memory_path",
        "≤",
        1.1,
        "the tables that are kept in RAM, which are not full after a short input, and "
        "what is read while a lane saves what came before",
    ),
    Goal(
        "CPU until the first request",
        "start",
        "start to first request, CPU",
        "≤",
        0.6,
        "the import of the Singer SDK, which is most of it",
        " s",
    ),
    Goal(
        "with `memory_path`, of the speed without",
        "store",
        "with memory_path / without memory_path",
        "≥",
        0.6,
        "the rows that SQLite writes for each event, on the second processor",
        "",
    ),
    Goal(
        "a million known users, of the speed with 10,000",
        "store",
        "1,000,000 known users / 10,000 known users",
        "≥",
        0.5,
        "a look-up in a file of more than a gigabyte for nearly each record, where "
        "10,000 users fit into RAM",
        "",
    ),
    Goal(
        "`load` on two processors, of one",
        "partitions",
        "load: 2 processors / 1",
        "≥",
        1.7,
        "what both workers share: memory, and the receiving server on the same two "
        "processors",
    ),
    Goal(
        "CPU a row of `load`, of the Singer run's",
        "partitions",
        "load: CPU a row / Singer run's, text column",
        "≤",
        1.15,
        "the way of a text from Arrow to Python before it is decoded",
    ),
    Goal(
        "memory of a worker of `load`, 2,000,000 rows / 100,000",
        "partitions",
        "load: peak of memory of a worker, many rows / few",
        "≤",
        1.2,
        "the row groups and events on their way, which a short input does not fill",
    ),
    Goal(
        "Spark on two processors, of one",
        "partitions",
        "Spark: 2 processors / 1",
        "≥",
        1.7,
        "what Spark does beside the two Python workers, on the same two processors",
    ),
)


def table(results: Results) -> str:
    """Return the goals and what was reached as Markdown, then words on the others."""
    lines = ["| | measured | goal |", "|---|---:|---:|"]
    missed, absent = [], []
    for goal in GOALS:
        figure = results.figure(goal.part, goal.what)
        if figure is None:
            absent.append(f"`{goal.part}`")
            continue
        lines.append(f"| {goal.says} | {shown(figure)}{goal.unit} | {goal.wanted} |")
        if not goal.is_reached_by(figure):
            missed.append(_in_words(goal, figure))
    text = "\n".join([*lines, *(f"\n{one}" for one in missed)])
    if absent:
        names = ", ".join(dict.fromkeys(absent))
        text += f"\n\nNot everything was measured in this run; left out: {names}."
    return text + "\n"


def _in_words(goal: Goal, figure: float) -> str:
    return (
        f"{goal.says[0].upper()}{goal.says[1:]}: {shown(figure)}{goal.unit} was "
        f"reached, of {goal.wanted}. What bounds it is {goal.bound}."
    )


def shown(figure: float) -> str:
    """Return a figure as people read it: three digits, thousands apart."""
    if abs(figure) >= 100 or figure == int(figure):
        return f"{figure:,.0f}"
    return f"{figure:.3g}"
