// What users did after they met with a paywall, a platform, a segment or a SKU.
import { breakable, el } from "../../dom.js";
import { count, percent } from "../../format.js";
import { go, here, withFilters } from "../../router.js";
import { table } from "../../table.js";
/** @import { Breakdown, Conversion } from "../../documents.js" */

const FEW = 30;

/** By dimension: its name, and that of the row of the events without one. */
const DIMENSIONS = /** @type {Record<Breakdown["by"], [string, string]>} */ ({
  paywall: ["Paywall", "Without a paywall id"],
  platform: ["Platform", "Without a platform"],
  segment: ["Segment", "Without a segment"],
  sku: ["SKU", "Without a SKU"],
});

/** @param {Breakdown[]} breakdowns */
export function conversions(breakdowns) {
  const asked = here().query.get("by");
  const chosen = breakdowns.find(({ by }) => by === asked) ?? breakdowns[0];
  const [name, none] = DIMENSIONS[chosen.by];
  const title = el("h2", { id: "conversions" }, `Conversion by ${inText(name)}`);
  return el(
    "section",
    { class: "card", "aria-labelledby": title.id },
    el("div", { class: "row between" }, title, choice(breakdowns, chosen)),
    table(
      `Conversion by ${inText(name)}, the best first`,
      [
        {
          title: name,
          head: true,
          cell: ({ value }) => (value ? breakable(value) : el("i", {}, none)),
        },
        { title: "Users", number: true, cell: ({ users }) => count(users) },
        {
          title: "Transaction",
          number: true,
          wide: true,
          cell: ({ transaction }) => count(transaction),
        },
        { title: "Trial", number: true, wide: true, cell: ({ trial }) => count(trial) },
        { title: "Paying", number: true, cell: ({ paying }) => count(paying) },
        { title: "Conversion", number: true, cell: conversion },
      ],
      chosen.rows,
      { hidden: true },
    ),
    el("p", { class: "muted" }, explained(chosen.by)),
  );
}

/** @param {Conversion} row */
function conversion({ users, paying }) {
  const few = users < FEW && el("span", { class: "muted" }, " (few users)");
  return [percent(paying, users), few];
}

/**
 * @param {Breakdown[]} breakdowns
 * @param {Breakdown} chosen
 */
function choice(breakdowns, chosen) {
  return el(
    "div",
    { class: "choices", role: "group", "aria-label": "Break down by" },
    breakdowns.map(({ by }) => {
      const pressed = String(by === chosen.by);
      const onclick = () => go(withFilters(here(), { by }));
      const properties = { type: "button", id: `by-${by}`, "aria-pressed": pressed, onclick };
      return el("button", properties, DIMENSIONS[by][0]);
    }),
  );
}

/** @param {Breakdown["by"]} by */
function explained(by) {
  const met =
    by === "sku"
      ? "Users whose first transaction of the SKU is in this range"
      : `Users who first saw a paywall ${by === "paywall" ? "of this id" : "there"} in this range`;
  return (
    `${met}, and how many of them made a transaction, started a trial and pay: at that moment ` +
    "or later, whenever it was. Who met with several is in several rows, so the rows add up " +
    "to more than all users. Testers count, as user.* events do not tell them apart."
  );
}

/** @param {string} name */
function inText(name) {
  return name === name.toUpperCase() ? name : name.toLowerCase();
}
