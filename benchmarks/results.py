"""What a benchmark found: JSON for programs, rows of a table for people."""

from __future__ import annotations

import json
import operator
import os
import platform
import sys
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measuring import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

_PACKAGES = ("singer-sdk", "msgspec", "amplitude-analytics", "meltano")
_COMPARE: Final = {"≥": operator.ge, "≤": operator.le}


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be: at least (`≥`) or at most (`≤`) so much."""

    sign: str
    value: float

    def is_met_by(self, figure: float) -> bool:
        """Whether a figure is as good as that."""
        return bool(_COMPARE[self.sign](figure, self.value))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    figure: float
    unit: str = ""
    goal: Goal | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found."""

    benchmark: str
    says: str
    """What was measured, in a sentence."""
    rows: list[Row]
    data: dict[str, Any] = field(default_factory=dict)
    """All that the rows and the plots are made of."""


def machine() -> dict[str, Any]:
    """Return what the figures depend on, and nothing that names this machine."""
    return {
        "cpu": _cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": round(
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        ),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def save(result: Result, folder: Path, *, is_quick: bool) -> None:
    """Write a result as JSON; a later one of the same benchmark replaces it."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {"is_quick": is_quick, "machine": machine()} | asdict(result)
    text = json.dumps(plain(document), indent=2, ensure_ascii=False)
    (folder / f"{result.benchmark}.json").write_text(text + "\n", "utf-8")


def load(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the results of a folder by benchmark."""
    return {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in sorted(folder.glob("*.json"))
    }


def table(results: Sequence[dict[str, Any]]) -> str:
    """Return the rows of results as Markdown."""
    lines = ["| | measured | goal | |", "|---|---:|---:|---|"]
    for result in results:
        is_quick = ", quick" if result["is_quick"] else ""
        lines.append(f"| **{result['benchmark']}{is_quick}** | | | |")
        lines += [_line(row) for row in result["rows"]]
    return "\n".join(lines) + "\n"


def _line(row: dict[str, Any]) -> str:
    goal, unit = row["goal"], row["unit"]
    verdict = row["note"]
    wanted = ""
    if goal is not None:
        is_met = Goal(**goal).is_met_by(row["figure"])
        verdict = ("met" if is_met else "**not met**") + (verdict and f"; {verdict}")
        wanted = f"{goal['sign']} {shown(goal['value'])}{unit}"
    return f"| {row['what']} | {shown(row['figure'])}{unit} | {wanted} | {verdict} |"


def shown(figure: float) -> str:
    """Return a figure as people read it: three digits, thousands apart."""
    if abs(figure) >= 100 or figure == int(figure):
        return f"{figure:,.0f}"
    return f"{figure:.3g}"


def document(results: Sequence[dict[str, Any]]) -> str:
    """Return the part of the README that the results make: machine, table, notes."""
    if not results:
        return "Nothing has been measured yet: `make benchmarks`.\n"
    names_on: dict[str, list[str]] = {}
    for one in results:
        names_on.setdefault(_said(one["machine"]), []).append(f"*{one['benchmark']}*")
    machines = "".join(f"- {', '.join(names_on[on])}: {on}\n" for on in names_on)
    says = "\n".join(f"- *{one['benchmark']}*: {one['says']}" for one in results)
    return f"{machines}\n{table(results)}\n{says}\n"


def _said(on: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {on[name]}" for name in _PACKAGES)
    return (
        f"{on['cpus']} CPUs ({on['cpu']}), {on['memory_gib']} GiB, {on['system']}, "
        f"Python {on['python']}, {versions}."
    )


def profile_document(result: dict[str, Any] | None) -> str:
    """Return the part of the README that says where the time goes."""
    if result is None:
        return "Nothing has been profiled yet: `python -m benchmarks profile`.\n"
    functions = "".join(
        f"| `{one['function']}` | {one['us']:.2f} |\n"
        for one in result["data"]["functions"]
    )
    return (
        f"{table([result])}\n{result['says']}\n\nThe functions with the most time of "
        f"their own:\n\n| function | µs a record |\n|---|---:|\n{functions}"
    )


def write_between(path: Path, name: str, text: str) -> None:
    """Replace what stands between the two marks of a name in a Markdown file."""
    before, after = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    whole = path.read_text("utf-8")
    start, end = whole.index(before) + len(before), whole.index(after)
    path.write_text(f"{whole[:start]}\n{text}\n{whole[end:]}", "utf-8")


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
