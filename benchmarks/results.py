"""What a run of the benchmarks found: one machine, one commit, a JSON file."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from benchmarks.running import ROOT

_PACKAGES: Final = (
    "singer-sdk",
    "msgspec",
    "isal",
    "amplitude-analytics",
    "meltano",
    "pyarrow",
)
_MEASURED: Final = ("target_amplitude_nami", "requirements/dev.txt")
_WRITTEN_BY_A_RUN: Final = (
    "benchmarks/README.md",
    "benchmarks/results.json",
    "benchmarks/plots",
)


class ResultsError(Exception):
    """Figures cannot be written or read; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    what: str
    figure: float
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What one benchmark found."""

    says: str
    """What was measured, in a sentence or two."""
    rows: list[Row]
    data: dict[str, Any] = field(default_factory=dict)
    """What else the plots are made of."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where figures come from. Only those with the same origin can be compared."""

    machine: dict[str, Any]
    commit: str
    is_quick: bool


@dataclass(slots=True)
class Results:
    """The figures of one run, by benchmark."""

    origin: Origin
    parts: dict[str, Result] = field(default_factory=dict)

    def figure(self, part: str, what: str) -> float | None:
        """Return a figure; None where it was not measured."""
        result = self.parts.get(part)
        rows = result.rows if result else []
        return next((row.figure for row in rows if row.what == what), None)

    def save(self, path: Path) -> None:
        """Write all of it to a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        document = _rounded(dataclasses.asdict(self))
        text = json.dumps(document, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", "utf-8")


def load(path: Path) -> Results:
    """Return what a file holds.

    Raises:
        ResultsError: When there is no such file.
    """
    if not path.exists():
        raise ResultsError(f"nothing has been measured yet ({path}): make benchmarks")
    document = json.loads(path.read_text("utf-8"))
    parts = {
        name: Result(
            part["says"], [Row(**row) for row in part["rows"]], part.get("data", {})
        )
        for name, part in document["parts"].items()
    }
    return Results(Origin(**document["origin"]), parts)


def to_be_continued(path: Path, origin: Origin) -> Results:
    """Return the results of a file, for more figures of the same origin.

    Raises:
        ResultsError: When its figures come from another commit or machine.
    """
    if not path.exists():
        return Results(origin)
    earlier = load(path)
    if earlier.origin != origin:
        raise ResultsError(
            f"{path} holds the figures of another run ({described(earlier.origin)}), "
            f"and this is {described(origin)}: figures of two machines or commits do "
            "not go into one table. Measure all of them again: make benchmarks"
        )
    return earlier


def origin_here(*, is_quick: bool) -> Origin:
    """Return the origin of figures that are measured now.

    Its commit is the last one that changed what is measured.

    Raises:
        ResultsError: When files have changed since the last commit, unless it is quick.
    """
    others = [f":(exclude){path}" for path in _WRITTEN_BY_A_RUN]
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *others)
    if changed and not is_quick:
        raise ResultsError(
            "figures are those of a commit, and there are changes that are not "
            f"committed. Commit them, or measure with --quick:\n{changed}"
        )
    last = _git("log", "-1", "--format=%H", "--", *_MEASURED) or "HEAD"
    commit = _git("describe", "--always", "--tags", last)
    return Origin(machine_here(), commit + ("-changed" if changed else ""), is_quick)


def _git(*arguments: str) -> str:
    command = ("git", *arguments)
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ResultsError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def machine_here() -> dict[str, Any]:
    """Return what the figures depend on, and nothing that names this machine."""
    return {
        "cpu": _cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": round(
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        ),
        "system": f"{_system()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform(terse=True)


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def described(origin: Origin) -> str:
    """Return what an origin is called in a sentence."""
    on = origin.machine
    versions = ", ".join(
        f"{name} {version}" for name, version in on["versions"].items()
    )
    quick = ", small inputs" if origin.is_quick else ""
    return (
        f"commit {origin.commit}{quick}, on {on['cpus']} processors ({on['cpu']}), "
        f"{on['memory_gib']} GiB, {on['system']}, Python {on['python']}, {versions}"
    )


def _rounded(value: Any) -> Any:
    """Return numbers with as many digits as they are worth."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if abs(value) < 10_000 else round(value)
    if isinstance(value, dict):
        return {name: _rounded(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(member) for member in value]
    return value
