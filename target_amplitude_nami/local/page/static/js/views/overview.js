// Overview: what has arrived over time, by event type, and in numbers.
import { get } from "../api.js";
import { chart, inWords, numbers } from "../chart.js";
import { breakable, el } from "../dom.js";
import { filterBar, range, showRange } from "../filters.js";
import { count, per, percent } from "../format.js";
import { notice, nothingYet } from "../notices.js";
import { colours, COLOURS, swatchClass } from "../palette.js";
import { afterArrivals, panel } from "../panel.js";
import { address, here } from "../router.js";
import { table } from "../table.js";
/** @import { Overview, State, Totals, TypeRow } from "../documents.js" */
/** @import { Child } from "../dom.js" */
/** @import { View } from "../main.js" */

/** @type {View} */
export const overview = {
  title: "Overview",
  open(root) {
    const filters = filterBar({ types: true });
    const content = panel(load, draw);
    root.append(filters.bar, content.region);

    async function load() {
      const { query } = here();
      const asked = { ...range(query), type: query.getAll("type") };
      const [state, data] = await Promise.all([
        get("/api/state"),
        get("/api/overview", asked),
      ]);
      filters.update(state);
      return { state, data };
    }
    return { update: content.refresh, close: afterArrivals(content.refresh) };
  },
};

/** @param {{state: State, data: Overview}} loaded */
function draw({ state, data }) {
  if (state.first === null) return [totals(data.totals), nothingYet("No event has arrived yet")];
  if (!data.types.length) return [totals(data.totals), noMatch()];
  const types = data.types.toSorted((a, b) => b.events - a.events);
  const colour = colours(types.map(({ type }) => type));
  const series = grouped(data.series, types, colour);
  const bars = { ...data, series, label: inWords("Events", { ...data, series }) };
  return [
    totals(data.totals),
    el(
      "section",
      { class: "card", "aria-labelledby": "over-time" },
      el("h2", { id: "over-time" }, `Events ${per(data.bucket)}`),
      chart({ ...bars, height: 300, onSelect: showRange }),
      numbers("overview-numbers", bars),
    ),
    el("section", { class: "card" }, typeTable(types, colour)),
  ];
}

function noMatch() {
  const { view } = here();
  return notice(
    "No event matches these filters",
    el("p", {}, el("a", { href: address(view) }, "Show all events")),
  );
}

/** @param {Totals} numbers */
function totals(numbers) {
  const { refused } = numbers;
  const refusedLink = el("a", { href: address("requests", null, { status: "refused" }) });
  refusedLink.append(count(refused));
  return el(
    "dl",
    { class: "totals" },
    total("Events", count(numbers.events)),
    total("Users with events", count(numbers.users)),
    total("Duplicates dropped", count(numbers.duplicates)),
    total("User updates ($identify)", count(numbers.identifies)),
    total("Requests", el("a", { href: address("requests") }, count(numbers.requests))),
    total("Requests refused", refused ? refusedLink : "0", refused > 0),
  );
}

/**
 * @param {string} name
 * @param {Child} value
 * @param {boolean} [alarm]
 */
function total(name, value, alarm = false) {
  return el("div", {}, el("dt", {}, name), el("dd", { class: alarm && "alarm" }, value));
}

/**
 * The most frequent types each in their colour, the others as one.
 * @param {Overview["series"]} series
 * @param {TypeRow[]} types
 * @param {Map<string, number>} colour
 */
function grouped(series, types, colour) {
  const countsOf = new Map(series.map(({ type, counts }) => [type, counts]));
  const own = types.slice(0, COLOURS).map(({ type }) => ({
    name: type,
    counts: countsOf.get(type) ?? [],
    colour: colour.get(type),
  }));
  const rest = types.slice(COLOURS).map(({ type }) => countsOf.get(type) ?? []);
  if (!rest.length) return own;
  const counts = rest[0].map((_, at) => rest.reduce((sum, each) => sum + each[at], 0));
  return [...own, { name: `${rest.length} other types`, counts, colour: 0 }];
}

/**
 * @param {TypeRow[]} types
 * @param {Map<string, number>} colour
 */
function typeTable(types, colour) {
  const all = types.reduce((sum, { events }) => sum + events, 0);
  const days = { from: here().query.get("from") ?? "", to: here().query.get("to") ?? "" };
  const filters = Object.entries(days).filter(([, day]) => day);
  const link = (/** @type {string} */ type) =>
    address("live", null, new URLSearchParams([...filters, ["type", type]]));
  return table(
    "Event types",
    [
      {
        title: "Event type",
        head: true,
        cell: ({ type }) =>
          el(
            "span",
            { class: "keyed" },
            el("span", { class: swatchClass(colour.get(type) ?? 0) }),
            el("a", { href: link(type) }, breakable(type)),
          ),
      },
      { title: "Events", number: true, cell: ({ events }) => count(events) },
      { title: "Share", number: true, wide: true, cell: (row) => percent(row.events, all) },
      { title: "Users", number: true, cell: ({ users }) => count(users) },
    ],
    types,
  );
}
