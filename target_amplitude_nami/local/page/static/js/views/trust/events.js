// Which events came late or are unknown, and what they say of money.
import { breakable, el } from "../../dom.js";
import { count, plural, time } from "../../format.js";
import { eventLink, userLink } from "../../links.js";
import { address } from "../../router.js";
import { table } from "../../table.js";
import { section } from "./section.js";
/** @import { Money, OtherType, Timeliness } from "../../trust.js" */

const UNITS = /** @type {[string, number][]} */ ([
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1_000],
]);

/** @param {Timeliness} found */
export function order(found) {
  return section(
    "order",
    "Late, out of order, and odd times",
    el(
      "dl",
      { class: "facts" },
      fact("Events that came after a newer one and set older user properties", found.overwrote),
      fact("Events that came after a newer one and left the user properties alone", found.late),
      fact("Events that the sender marked to leave user properties alone", found.marked),
      fact("Events dated more than a day after they came", found.future),
      fact("Events dated before 2008", found.too_old),
    ),
    found.shown.length > 0 &&
      table(
        "Events with user properties that came after a newer one of their user",
        [
          { title: "Event", head: true, cell: ({ event }) => eventLink(event) },
          { title: "User", cell: ({ event }) => userLink(event) },
          { title: "Time (UTC)", wide: true, cell: ({ event }) => time(event.time) },
          { title: "Older by", cell: ({ behind }) => duration(behind) },
          {
            title: "User properties",
            cell: ({ leaves_user_alone: alone }) =>
              alone ? "left alone" : el("span", { class: "badge bad" }, "overwritten"),
          },
        ],
        found.shown,
      ),
  );
}

/**
 * @param {string} name
 * @param {number} number
 */
function fact(name, number) {
  return [el("dt", {}, name), el("dd", {}, count(number))];
}

/** @param {number} ms */
function duration(ms) {
  const [unit, size] = UNITS.find(([, each]) => ms >= each) ?? ["millisecond", 1];
  return plural(Math.floor(ms / size), unit);
}

/** @param {OtherType[]} rows */
export function types(rows) {
  if (!rows.length) return null;
  return section(
    "types",
    "Event types that are not Nami's",
    table(
      "Event types that are not in Nami's catalogue",
      [
        {
          title: "Event type",
          head: true,
          cell: ({ type }) => el("a", { href: address("live", null, { type }) }, breakable(type)),
        },
        { title: "Events", number: true, cell: ({ events }) => count(events) },
        {
          title: "In charts",
          cell: ({ is_beyond: beyond }) => (beyond ? "no: beyond 2,000 types" : "yes"),
        },
      ],
      rows,
    ),
  );
}

/** @param {{sums: Money[]}} money */
export function money({ sums }) {
  if (!sums.length) return null;
  return section(
    "money",
    "Revenue, refunds and the sandbox",
    table(
      "What events say of money",
      [
        { title: "Currency", head: true, cell: ({ currency }) => currency || "none" },
        {
          title: "What",
          cell: (/** @type {Money} */ { is_refund: refund, is_sandbox: sandbox }) =>
            `${sandbox ? "test " : ""}${refund ? "refunds" : "payments"}`,
        },
        { title: "Events", number: true, cell: ({ events }) => count(events) },
        { title: "Sum", number: true, cell: ({ amount }) => grouped(amount) },
        {
          title: "Counts as revenue",
          cell: ({ is_revenue: counts }) => (counts ? "yes" : "no: an event property"),
        },
      ],
      sums,
    ),
  );
}

/** @param {string} amount A decimal number, exact. */
function grouped(amount) {
  const [whole, places] = amount.split(".");
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ",")}.${places}`;
}
