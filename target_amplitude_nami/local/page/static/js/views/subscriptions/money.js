// What transactions amount to, by week and currency; never added up over currencies.
import { chart } from "../../chart.js";
import { el } from "../../dom.js";
import { showRange } from "../../filters.js";
import { count, plural, stretch } from "../../format.js";
import { table } from "../../table.js";
import { fold, partial, partialNote } from "./weeks.js";
/** @import { Column } from "../../table.js" */
/** @import { Money, Subscriptions } from "../../documents.js" */

const AMOUNT = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 2,
  maximumFractionDigits: 6,
});
const PAID = 3;
const REFUNDED = 8;

/** @param {Subscriptions} data */
export function money(data) {
  const { money: all, totals } = data;
  const real = totals.filter(({ sandbox }) => !sandbox);
  const tests = totals.filter(({ sandbox }) => sandbox);
  return el(
    "section",
    { class: "card", "aria-labelledby": "money" },
    el("h2", { id: "money" }, "Revenue and refunds"),
    real.length
      ? [
          sums("By currency", real, CURRENCY),
          el("div", { class: "multiples" }, real.map((each) => weekly(each, data))),
          partial(data.weeks, data.week, data).includes(true) && partialNote(),
        ]
      : el("p", {}, "No transaction of this range is from production."),
    tests.length > 0 && sums("Sandbox, which is no revenue", tests, CURRENCY),
    all.length > 0 &&
      fold("money-numbers", "As a table", () =>
        sums("By week and currency", all, [...week(data), ...CURRENCY, KIND]),
      ),
    el(
      "p",
      { class: "muted" },
      "The amounts that device.transaction events name, as they are: not times their ",
      "quantity, and with those that start a trial, which nothing in a transaction tells ",
      "apart. An amount below zero is a refund. Amplitude's own revenue charts show only ",
      "what is sent as revenue (setting revenue: transactions).",
    ),
  );
}

/** @type {Column[]} */
const CURRENCY = [
  {
    title: "Currency",
    head: true,
    cell: ({ currency }) => currency || el("i", {}, "Without one"),
  },
  { title: "Payments", number: true, wide: true, cell: ({ payments }) => count(payments) },
  { title: "Paid", number: true, cell: ({ paid }) => amount(paid) },
  { title: "Refunds", number: true, wide: true, cell: ({ refunds }) => count(refunds) },
  { title: "Refunded", number: true, cell: ({ refunded }) => amount(refunded) },
  {
    title: "Net",
    number: true,
    wide: true,
    cell: ({ paid, refunded }) => amount(Number(paid) + Number(refunded)),
  },
  { title: "Without an amount", number: true, wide: true, cell: ({ unpriced }) => count(unpriced) },
];
/** @type {Column} */
const KIND = { title: "From", cell: ({ sandbox }) => (sandbox ? "sandbox" : "production") };

/**
 * @param {string} caption
 * @param {Money[]} rows
 * @param {Column[]} columns
 */
function sums(caption, rows, columns) {
  return table(caption, columns, rows);
}

/**
 * @param {Subscriptions} data
 * @returns {Column[]}
 */
function week(data) {
  const marks = partial(data.weeks, data.week, data);
  const cell = (/** @type {Money} */ row) => {
    const at = data.weeks.indexOf(row.week ?? 0);
    return `${stretch(data.weeks[at], data.week)}${marks[at] ? " (partial)" : ""}`;
  };
  return [{ title: "Week", short: true, cell }];
}

/**
 * @param {Money} total
 * @param {Subscriptions} data
 */
function weekly({ currency, payments, paid, refunds, refunded }, data) {
  const { weeks, week: bucket } = data;
  const rows = data.money.filter((row) => !row.sandbox && row.currency === currency);
  const byWeek = new Map(rows.map((row) => [row.week, row]));
  const counts = (/** @type {"paid" | "refunded"} */ what) =>
    weeks.map((start) => Math.abs(Number(byWeek.get(start)?.[what] ?? 0)));
  const series = [
    { name: "Paid", counts: counts("paid"), colour: PAID },
    { name: "Refunded", counts: counts("refunded"), colour: REFUNDED },
  ];
  const name = currency || "Without a currency";
  const said = `${plural(payments, "payment")}, ${amount(paid)}; ${plural(refunds, "refund")}, ${amount(refunded)}`;
  return el(
    "figure",
    {},
    el("figcaption", {}, `${name} per week`, el("b", {}, amount(paid))),
    chart({
      label: `${name} per week: ${said}.`,
      starts: weeks,
      bucket,
      series: refunds ? series : series.slice(0, 1),
      partial: partial(weeks, bucket, data),
      height: 150,
      onSelect: showRange,
    }),
  );
}

/** @param {string | number} value */
function amount(value) {
  return AMOUNT.format(Number(value));
}
