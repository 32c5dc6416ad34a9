"""Draws the results as pictures, all in one style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter

from benchmarks import contestants as who

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.results import Results

mpl.use("Agg")

_INK: Final = "#1f2933"
_GREY: Final = "#8a94a0"
_FAINT: Final = "#e4e7eb"
_OURS: Final = "#0f62b0"
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
    "axes.prop_cycle": mpl.cycler(color=[_OURS, "#d9730d"]),
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


def draw_all(results: Results, folder: Path) -> None:
    """Draw whatever there are figures of."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        for name, (part, draw) in _DRAWINGS.items():
            if part in results.parts:
                figure = draw(results)
                figure.savefig(folder / f"{name}.png", metadata={"Software": None})
                plt.close(figure)


def _overview(results: Results) -> Any:
    """Draw events a second: who they are compared with below, the limit in grey."""
    figure, axes = plt.subplots(figsize=(8, 2.6))
    labels = {
        who.OURS: "target-amplitude-nami",
        who.OFFICIAL: "Amplitude's Python client",
        who.PLAIN: "plain target of the Singer SDK",
        who.CEILING: "bare loop: no checks, no retries, no STATE",
    }
    values = [results.figure("throughput", f"{name}, usual") or 0 for name in labels]
    colours = [_OURS, _GREY, _GREY, _FAINT]
    axes.barh(list(labels.values()), values, color=colours, height=0.62)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.14)
    for place, value in enumerate(values):
        axes.text(value, place, f" {value:,.0f}", va="center", bbox=_PAPER)
    axes.set_title("Events a second, one process")
    _thousands(axes.xaxis)
    return figure


def _lanes(results: Results) -> Any:
    data = results.parts["lanes"].data
    figure, axes = plt.subplots(figsize=(6, 3))
    for lanes, rates in data["events_per_second"].items():
        axes.plot(data["delays_ms"], rates, label=f"{lanes} lanes")
    axes.set(xlabel="ms until an answer", ylabel="events a second", ylim=(0, None))
    axes.set_title("When answers take time")
    _thousands(axes.yaxis)
    axes.legend()
    return figure


def _sizes(results: Results) -> Any:
    data = results.parts["sizes"].data
    figure, axes = plt.subplots(figsize=(6, 3))
    sizes = [size / 1_000 for size in data["bytes"]]
    for name, rates in data["events_per_second"].items():
        colour = _OURS if name == who.OURS else _GREY
        axes.plot(sizes, rates, color=colour, label=name)
    axes.set(xscale="log", yscale="log", xlabel="KB a record", ylabel="events a second")
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.minorticks_off()
    axes.set_title("Over the size of records")
    _thousands(axes.yaxis)
    axes.legend()
    return figure


def _thousands(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


_DRAWINGS: Final[dict[str, tuple[str, Callable[[Results], Any]]]] = {
    "overview": ("throughput", _overview),
    "lanes": ("lanes", _lanes),
    "sizes": ("sizes", _sizes),
}
