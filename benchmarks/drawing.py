"""Draws the results as pictures, all in one style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter

from benchmarks import contestants as who

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

mpl.use("Agg")

_INK: Final = "#1f2933"
_GREY: Final = "#8a94a0"
_FAINT: Final = "#e4e7eb"
_OURS: Final = "#0f62b0"
_COLOURS: Final = (_OURS, "#d9730d", "#2e8555", "#8b5cb5")
_PAPER: Final = {"facecolor": "white", "edgecolor": "none", "pad": 0}
_STYLE: Final = {
    "figure.dpi": 110,
    "savefig.bbox": "tight",
    "font.size": 10,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.edgecolor": _GREY,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _FAINT,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "lines.marker": "o",
    "lines.markersize": 5,
}


def draw_all(results: dict[str, dict[str, Any]], folder: Path) -> None:
    """Draw whatever there are results of."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        for name, draw in _DRAWINGS.items():
            if name in results:
                figure = draw(results[name]["data"])
                figure.savefig(folder / f"{name}.png", metadata={"Software": None})
                plt.close(figure)


def _bars(
    axes: Any, names: Sequence[str], values: Sequence[float], unit: str, ours: str = ""
) -> None:
    """Draw bars from top to bottom, each with its value."""
    colours = [_OURS if name == ours or not ours else _GREY for name in names]
    axes.barh(names, values, color=colours, height=0.62)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.18)
    for place, value in enumerate(values):
        label = f" {value:,.0f}{unit}" if value >= 100 else f" {value:.3g}{unit}"
        axes.text(value, place, label, va="center", bbox=_PAPER)


def _thousands(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _throughput(data: dict[str, Any]) -> Any:
    figure, panels = plt.subplots(1, 2, figsize=(11, 3.2), sharex=True)
    for axes, (shape, title) in zip(
        panels, (("usual", "1.1 KB a record"), ("deep", "1.7 KB, deep")), strict=True
    ):
        paces = data[shape]
        names = [pace["name"] for pace in paces]
        _bars(axes, names, [pace["per_second"] for pace in paces], "", who.OURS)
        axes.set_title(title)
        axes.set_xlabel("records a second")
        _thousands(axes.xaxis)
    figure.tight_layout()
    return figure


def _latency(data: dict[str, Any]) -> Any:
    figure, axes = plt.subplots(figsize=(7, 3.2))
    names = [
        f"{pace['name']} an answer, {lanes} lanes"
        for lanes, paces in data.items()
        for pace in paces
    ]
    values = [pace["per_second"] for paces in data.values() for pace in paces]
    _bars(axes, names, values, "")
    axes.set_title("Throughput when answers take time")
    axes.set_xlabel("records a second")
    _thousands(axes.xaxis)
    return figure


def _memory(data: dict[str, Any]) -> Any:
    figure, axes = plt.subplots(figsize=(8, 3.6))
    files = {"none": "", "new": ", memory file", "large": ", memory file"}
    names = [
        f"{run['records']:,} records, {run['users']:,} users{files[run['memory_file']]}"
        + (f" that knows {run['known']:,}" if "known" in run else "")
        for run in data["runs"]
    ]
    _bars(axes, names, [run["peak_mb"] for run in data["runs"]], " MB")
    axes.axvline(
        150, color=_COLOURS[1], linestyle="--", linewidth=1.2, marker="", zorder=1.5
    )
    axes.set_title("Peak of resident memory (dashed: at most so much)")
    axes.set_xlabel("MB")
    return figure


def _cost(data: dict[str, Any]) -> Any:
    figure, (cpu, sent) = plt.subplots(1, 2, figsize=(10, 2.6))
    seconds = data["cpu_seconds_per_million"]
    _bars(cpu, list(seconds), list(seconds.values()), " s", who.OURS)
    cpu.set_title("CPU for a million events")
    cpu.set_xlabel("seconds")
    ours = data["sent"][who.OURS]
    _bars(
        sent,
        ["sent", "least, same level", "least, level 9"],
        [
            ours[name] / ours["events"]
            for name in (
                "body_bytes",
                "least_bytes_at_level_1",
                "least_bytes_at_level_9",
            )
        ],
        "",
        "sent",
    )
    sent.set_title("Bytes sent for an event")
    sent.set_xlabel("bytes, compressed")
    figure.tight_layout()
    return figure


def _start(data: dict[str, Any]) -> Any:
    figure, axes = plt.subplots(figsize=(7, 2.8))
    _bars(
        axes, list(data), [one["cpu_seconds"] for one in data.values()], " s", who.OURS
    )
    axes.set_title("From start to the first request, and imports alone")
    axes.set_xlabel("seconds of CPU")
    return figure


def _growth(data: dict[str, Any]) -> Any:
    figure, (by_size, by_lanes) = plt.subplots(1, 2, figsize=(11, 3.8))
    sizes = [int(size) / 1_000 for size in data["sizes"]]
    for place, name in enumerate((who.OURS, who.CEILING)):
        rates = [paces[place]["per_second"] for paces in data["sizes"].values()]
        colour = _OURS if name == who.OURS else _GREY
        by_size.plot(sizes, rates, color=colour, label=name)
    by_size.set(
        xscale="log", yscale="log", xlabel="KB a record", ylabel="records a second"
    )
    by_size.set_xticks(sizes, [f"{size:g}" for size in sizes])
    by_size.minorticks_off()
    by_size.set_title("Over the size of records")
    for delay, colour in zip(data["lanes"], _COLOURS, strict=False):
        paces = data["lanes"][delay]
        lanes = [int(pace["name"].split()[0]) for pace in paces]
        rates = [pace["per_second"] for pace in paces]
        by_lanes.plot(lanes, rates, color=colour, label=f"{delay} ms an answer")
    by_lanes.set(
        xscale="log", xlabel="lanes", ylabel="records a second", ylim=(0, None)
    )
    by_lanes.set_xticks(lanes, [f"{number}" for number in lanes])
    by_lanes.minorticks_off()
    by_lanes.set_title("Over the number of lanes")
    for axes in (by_size, by_lanes):
        _thousands(axes.yaxis)
        axes.legend()
    figure.tight_layout()
    return figure


def _meltano(data: dict[str, Any]) -> Any:
    figure, axes = plt.subplots(figsize=(7, 2.2))
    ratios = {"through Meltano": data["through_meltano"] / data["alone"]} | {
        f"BATCH, {name}": ratio for name, ratio in data["batches"].items()
    }
    _bars(axes, list(ratios), list(ratios.values()), " times")
    axes.axvline(
        1, color=_COLOURS[1], linestyle="--", linewidth=1.2, marker="", zorder=1.5
    )
    axes.set_title("Throughput against the target alone on standard input")
    return figure


def _profile(data: dict[str, Any]) -> Any:
    figure, axes = plt.subplots(figsize=(8, 3.8))
    _bars(axes, list(data["stages"]), list(data["stages"].values()), " µs")
    axes.set_title("Where the time of a record goes")
    axes.set_xlabel("µs of CPU a record")
    return figure


_DRAWINGS: Final[dict[str, Callable[[dict[str, Any]], Any]]] = {
    "throughput": _throughput,
    "latency": _latency,
    "memory": _memory,
    "cost": _cost,
    "start": _start,
    "growth": _growth,
    "meltano": _meltano,
    "profile": _profile,
}
