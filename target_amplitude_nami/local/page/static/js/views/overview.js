// Overview: what has arrived over time, by event type, and in numbers.
import { get } from "../api.js";
import { chart, inWords, numbers } from "../chart.js";
import { breakable, el } from "../dom.js";
import { filterBar, range, showRange } from "../filters.js";
import { count, per, percent, plural } from "../format.js";
import { notice, nothingYet } from "../notices.js";
import { looksOf, swatchClass } from "../palette.js";
import { afterArrivals, panel } from "../panel.js";
import { address, here, withFilters } from "../router.js";
import { table } from "../table.js";
/** @import { Overview, State, Totals, TypeRow } from "../documents.js" */
/** @import { Child } from "../dom.js" */
/** @import { View } from "../main.js" */
/** @import { Series } from "../chart.js" */
/** @import { Group, Look } from "../palette.js" */

/** @type {Record<Group, string>} */
const GROUPS = {
  device: "Device",
  journey: "Journey",
  subscription: "Subscription",
  other: "Other types",
};

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
  const looks = looksOf(state.types);
  const series = stacked(data, looks);
  const bars = { ...data, series, label: inWords("Events", { ...data, series }) };
  return [
    totals(data.totals),
    el(
      "section",
      { class: "card", "aria-labelledby": "over-time" },
      el("h2", { id: "over-time" }, `Events ${per(data.bucket)}`),
      el(
        "div",
        { class: "beside" },
        chart({ ...bars, height: 360, onSelect: showRange }),
        legend(data.types, looks),
      ),
      numbers("overview-numbers", bars),
    ),
    el("section", { class: "card" }, typeTable(data.types, looks)),
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
 * Returns the types in the order of the legend, and those that have no look of their own
 * as one.
 * @param {Overview} data
 * @param {Map<string, Look>} looks
 * @returns {Series[]}
 */
function stacked({ series }, looks) {
  const countsOf = new Map(series.map(({ type, counts }) => [type, counts]));
  const shown = [...looks].filter(([type]) => countsOf.has(type));
  const own = shown
    .filter(([, { colour }]) => colour)
    .map(([type, look]) => ({ ...look, name: type, counts: countsOf.get(type) ?? [] }));
  const rest = shown.filter(([, { colour }]) => !colour).map(([type]) => countsOf.get(type) ?? []);
  if (!rest.length) return own;
  const counts = rest[0].map((_, at) => rest.reduce((sum, each) => sum + each[at], 0));
  return [...own, { name: plural(rest.length, "other type"), counts, colour: 0 }];
}

/**
 * @param {TypeRow[]} types
 * @param {Map<string, Look>} looks
 */
function legend(types, looks) {
  const rows = new Map(types.map((row) => [row.type, row]));
  const groups = Map.groupBy(
    [...looks].filter(([type]) => rows.has(type)),
    ([, { group }]) => group,
  );
  const item = (/** @type {string} */ type, /** @type {Look} */ look) =>
    el(
      "li",
      {},
      swatch(look),
      el("a", { href: withFilters(here(), { type }), id: `only-${type}` }, breakable(type)),
      el("span", { class: "count" }, count(rows.get(type)?.events ?? 0)),
    );
  return el(
    "div",
    { class: "legend", role: "group", "aria-label": "Event types of the chart" },
    el(
      "div",
      {},
      [...groups].map(([group, members]) => [
        el("h3", {}, GROUPS[group]),
        el("ul", {}, members.map(([type, look]) => item(type, look))),
      ]),
    ),
  );
}

/**
 * @param {TypeRow[]} types
 * @param {Map<string, Look>} looks
 */
function typeTable(types, looks) {
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
        cell: (/** @type {TypeRow} */ { type }) => [
          el("span", { class: "keyed" }, swatch(looks.get(type)), el("a", { href: link(type) }, breakable(type))),
        ],
      },
      { title: "Events", number: true, cell: ({ events }) => count(events) },
      { title: "Share", number: true, wide: true, cell: (row) => percent(row.events, all) },
      { title: "Users", number: true, cell: ({ users }) => count(users) },
    ],
    types,
  );
}

/** @param {Look} [look] */
function swatch({ colour, texture } = { group: "other", colour: 0, texture: "plain" }) {
  return el("span", { class: swatchClass(colour, texture) });
}
