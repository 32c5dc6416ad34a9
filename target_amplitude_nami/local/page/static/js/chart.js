// Stacked bars over time, drawn by uPlot; the numbers stand in a table beside them.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { el, nodes } from "./dom.js";
import { count, day, month, per, stretch, WHOLE_DAY } from "./format.js";
import { filling, swatchClass } from "./palette.js";
import { table } from "./table.js";
/** @import { Texture } from "./palette.js" */

const ROOM_FOR_SEAMS = 7; // Pixels a bar; the seams would eat narrower ones up.
const WHOLE_STEPS = [0, 1, 2, 3, 4, 5, 6, 7, 8].flatMap((power) =>
  [1, 2, 5].map((step) => step * 10 ** power),
);

/** @typedef {{name: string, counts: number[], colour?: number, texture?: Texture}} Series */

/**
 * @typedef {object} Bars
 * @property {string} label What the chart shows, for those who cannot see it.
 * @property {number[]} starts
 * @property {number} bucket
 * @property {Series[]} series
 * @property {number} [height]
 * @property {boolean[]} [partial] Which of the buckets the data covers in part only.
 * @property {number} [top] The highest value of the axis, where charts are compared.
 * @property {(from: number, to: number) => void} [onSelect]
 */

/**
 * Returns an element with the chart, which follows the page's width and theme.
 * @param {Bars} bars
 */
export function chart(bars) {
  const host = el("div", { class: "chart", role: "img", "aria-label": bars.label });
  /** @type {uPlot | null} */
  let plot = null;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(options(bars, host), stacked(bars), host);
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const observer = new ResizeObserver(() => {
    if (!host.isConnected) return stop();
    if (!plot) return draw();
    plot.setSize({ width: host.clientWidth, height: bars.height ?? 280 });
  });
  const stop = () => {
    observer.disconnect();
    dark.removeEventListener("change", draw);
    document.removeEventListener("themechange", draw);
    plot?.destroy();
  };
  dark.addEventListener("change", draw);
  document.addEventListener("themechange", draw);
  observer.observe(host);
  return host;
}

/**
 * Returns the numbers of a chart as a table that can be folded open.
 * @param {string} id
 * @param {Bars} bars
 */
export function numbers(id, bars) {
  const { label, starts, series } = bars;
  const columns = [
    {
      title: "From (UTC)",
      head: true,
      cell: (/** @type {number} */ index) => named(index, bars),
    },
    ...series.map(({ name, counts }) => ({
      title: name,
      number: true,
      cell: (/** @type {number} */ index) => count(counts[index]),
    })),
  ];
  const details = el("details", { class: "numbers", id }, el("summary", {}, "As a table"));
  const fill = () => {
    if (details.open && details.children.length === 1) {
      details.append(table(label, columns, [...starts.keys()], { hidden: true }));
    }
  };
  details.addEventListener("toggle", fill);
  return details;
}

/**
 * Each series lies on top of those after it, so the tallest is drawn first.
 * @param {Bars} bars
 * @returns {uPlot.AlignedData}
 */
function stacked({ starts, series }) {
  const sums = starts.map(() => 0);
  const layers = [...series].reverse().map(({ counts }) => {
    counts.forEach((value, index) => (sums[index] += value));
    return [...sums];
  });
  return [starts, ...layers.reverse()];
}

/**
 * @param {Bars} bars
 * @param {HTMLElement} host
 * @returns {uPlot.Options}
 */
function options(bars, host) {
  const { starts, bucket, series } = bars;
  const colour = (/** @type {string} */ name) => resolved(host, name);
  const separated = host.clientWidth / starts.length >= ROOM_FOR_SEAMS;
  return {
    width: host.clientWidth,
    height: bars.height ?? 280,
    ms: 1,
    tzDate: (ms) => uPlot.tzDate(new Date(ms), "Etc/UTC"),
    padding: [10, 28, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: false },
      drag: { x: Boolean(bars.onSelect), y: false, setScale: false },
    },
    scales: {
      x: { range: () => [starts[0], end(bars)] },
      y: { range: (_, __, highest) => [0, Math.max(bars.top ?? highest, 1) * 1.05] },
    },
    axes: [timeAxis(colour, bucket), countAxis(colour, bars)],
    series: [{}, ...series.map((each) => layer(each, colour, separated))],
    hooks: {
      setCursor: [tooltip(bars, host)],
      setSelect: [(plot) => select(plot, bars)],
      draw: [(plot) => fade(plot, bars, colour("--surface"))],
    },
  };
}

/**
 * @param {Series} series
 * @param {(name: string) => string} colour
 * @param {boolean} separated
 * @returns {uPlot.Series}
 */
function layer({ name, colour: number = 0, texture = "plain" }, colour, separated) {
  return {
    label: name,
    fill: ({ ctx }) => filling(ctx, colour(`--c${number}`), texture, colour("--surface")),
    stroke: colour("--surface"),
    width: separated ? 1 : 0,
    points: { show: false },
    paths: uPlot.paths.bars?.({ size: [0.92, 60], align: 1 }),
  };
}

/**
 * @param {(name: string) => string} colour
 * @param {number} bucket
 * @returns {uPlot.Axis}
 */
function timeAxis(colour, bucket) {
  return {
    stroke: colour("--muted"),
    grid: { show: false },
    ticks: { stroke: colour("--grid"), width: 1 },
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
    size: 30,
    space: 64,
    values: (_, splits, __, ___, step) => splits.map((ms) => tick(ms, step, bucket)),
  };
}

/**
 * @param {number} ms
 * @param {number} step
 * @param {number} bucket
 */
function tick(ms, step, bucket) {
  if (step >= 28 * WHOLE_DAY) return month(ms);
  if (step >= WHOLE_DAY || bucket >= WHOLE_DAY) return day(ms);
  const clock = new Date(ms).toISOString().slice(11, 16);
  return clock === "00:00" ? day(ms) : clock;
}

/**
 * @param {(name: string) => string} colour
 * @param {Bars} bars
 * @returns {uPlot.Axis}
 */
function countAxis(colour, { height }) {
  return {
    stroke: colour("--muted"),
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { show: false },
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
    size: (_, values) => 16 + 7 * Math.max(2, ...(values ?? []).map((each) => each.length)),
    space: height ? Math.max(24, height / 7) : 40,
    incrs: WHOLE_STEPS,
    values: (_, splits) => splits.map(count),
  };
}

/**
 * A canvas knows no custom properties; an element that uses one has its colour.
 * @param {HTMLElement} host
 * @param {string} name
 */
function resolved(host, name) {
  const probe = el("i");
  probe.style.color = `var(${name})`;
  host.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/**
 * @param {uPlot} plot
 * @param {Bars} bars
 */
function select(plot, bars) {
  const { onSelect, starts } = bars;
  if (!onSelect || plot.select.width < 4) return;
  const from = plot.posToVal(plot.select.left, "x");
  const to = plot.posToVal(plot.select.left + plot.select.width, "x");
  onSelect(Math.max(from, starts[0]), Math.min(to, end(bars) - 1));
}

/** @param {Bars} bars */
function end({ starts, bucket }) {
  return starts[starts.length - 1] + bucket;
}

/**
 * @param {Bars} bars
 * @param {HTMLElement} host
 */
function tooltip(bars, host) {
  const tip = el("div", { class: "tip", hidden: true });
  return (/** @type {uPlot} */ plot) => {
    if (!tip.isConnected) host.append(tip);
    const { left = -1 } = plot.cursor;
    const at = left < 0 ? -1 : bucketAt(plot.posToVal(left, "x"), bars);
    tip.hidden = at < 0;
    if (tip.hidden) return;
    tip.replaceChildren(...tipContent(at, bars));
    const room = host.clientWidth - tip.offsetWidth;
    const beside = plot.bbox.left / devicePixelRatio + left + 14;
    const other = beside - tip.offsetWidth - 28;
    tip.style.transform = `translateX(${beside <= room ? beside : Math.max(other, 0)}px)`;
  };
}

/**
 * @param {number} ms
 * @param {Bars} bars
 */
function bucketAt(ms, { starts, bucket }) {
  const at = starts.findLastIndex((start) => start <= ms);
  return at >= 0 && ms < starts[at] + bucket ? at : -1;
}

/**
 * Fades the bars that only a part of the data can have filled.
 * @param {uPlot} plot
 * @param {Bars} bars
 * @param {string} colour
 */
function fade({ ctx, bbox, valToPos }, { starts, bucket, partial }, colour) {
  ctx.save();
  ctx.globalAlpha = 0.55;
  ctx.fillStyle = colour;
  starts.forEach((start, index) => {
    if (!partial?.[index]) return;
    const left = valToPos(start, "x", true);
    ctx.fillRect(left, bbox.top, valToPos(start + bucket, "x", true) - left, bbox.height - 1);
  });
  ctx.restore();
}

/**
 * Names a bucket, and says if it is not whole.
 * @param {number} at
 * @param {Bars} bars
 */
function named(at, { starts, bucket, partial }) {
  return `${stretch(starts[at], bucket)}${partial?.[at] ? " (partial)" : ""}`;
}

/**
 * @param {number} at
 * @param {Bars} bars
 */
function tipContent(at, bars) {
  const { series } = bars;
  const lines = series.filter(({ counts }) => counts[at]);
  const total = series.reduce((sum, { counts }) => sum + counts[at], 0);
  const items = lines.map(({ name, counts, colour = 0, texture }) =>
    el(
      "li",
      {},
      el("span", { class: swatchClass(colour, texture) }),
      el("span", { class: "name" }, name),
      el("span", { class: "count" }, count(counts[at])),
    ),
  );
  const title = `${named(at, bars)}: ${count(total)}`;
  return nodes([el("p", {}, title), series.length > 1 && el("ul", {}, items)]);
}

/**
 * Says in one sentence what a chart shows.
 * @param {string} what
 * @param {{starts: number[], bucket: number, series: {counts: number[]}[]}} bars
 */
export function inWords(what, { starts, bucket, series }) {
  const sums = starts.map((_, at) => series.reduce((sum, each) => sum + each.counts[at], 0));
  const most = sums.indexOf(Math.max(...sums));
  const total = sums.reduce((sum, each) => sum + each, 0);
  return (
    `${what} ${per(bucket)}, ${day(starts[0])} to ${day(starts[starts.length - 1])}: ` +
    `${count(total)} in all, most (${count(sums[most])}) on ${stretch(starts[most], bucket)}.`
  );
}
