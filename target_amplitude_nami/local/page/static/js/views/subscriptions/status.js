// How many users have which status at the end of each week, as their state says it.
import { chart, numbers } from "../../chart.js";
import { el } from "../../dom.js";
import { showRange } from "../../filters.js";
import { count, day } from "../../format.js";
import { swatchClass } from "../../palette.js";
import { table } from "../../table.js";
import { STATUSES } from "../../words.js";
import { partial, partialNote } from "./weeks.js";
/** @import { Line, Subscriptions, UserRow } from "../../documents.js" */

/** By status: what it means, and its colour if it is that of a subscriber. */
const MEANINGS = /** @type {Record<string, [string, number?]>} */ ({
  active: ["Something is active, and no other status applies.", 3],
  intro: ["Something is active in an introductory offer.", 1],
  trial: ["Something is active in a free trial.", 4],
  grace: ["Billing failed; the store still tries.", 2],
  cancelled: ["Runs out, but is still active (needs namiml_is_cancelled).", 5],
  paused: ["user.subscription.paused, and nothing is active."],
  account_hold: ["Billing failed, and access is gone (needs namiml_in_account_hold)."],
  former: ["Nothing is active, and the user has paid before."],
  never: ["Nothing is active, and no event says that the user has paid before."],
});

/**
 * Returns how many users are subscribers at the end of the range.
 * @param {Line[]} statuses
 */
export function subscribers(statuses) {
  return statuses.filter(isSubscriber).reduce((sum, { counts }) => sum + (counts.at(-1) ?? 0), 0);
}

/** @param {Subscriptions} data */
export function statusOverTime(data) {
  const { statuses, weeks, week, until } = data;
  const known = Object.keys(MEANINGS);
  const ordered = statuses.toSorted((a, b) => known.indexOf(a.name) - known.indexOf(b.name));
  const named = ordered.map((line) => ({ ...line, name: nameOf(line) }));
  const series = ordered
    .filter((line) => isSubscriber(line) && line.counts.some(Boolean))
    .map((line) => ({ ...line, name: nameOf(line), colour: MEANINGS[line.name][1] }));
  const bars = { starts: weeks, bucket: week, partial: partial(weeks, week, data) };
  const end = until === null ? "" : day(until - 1);
  const last = subscribers(statuses);
  return el(
    "section",
    { class: "card", "aria-labelledby": "statuses" },
    el("h2", { id: "statuses" }, "Active subscribers at the end of each week"),
    el(
      "ul",
      { class: "key" },
      series.map(({ name, colour }) =>
        el("li", {}, el("span", { class: swatchClass(colour ?? 0) }), name),
      ),
    ),
    !series.length && el("p", {}, "No event says that anybody has an active entitlement."),
    series.length > 0 && chart({
      ...bars,
      label: `Active subscribers at the end of each week, by status: ${count(last)} on ${end}.`,
      series,
      height: 240,
      onSelect: showRange,
    }),
    series.length > 0 && bars.partial.includes(true) && partialNote(),
    numbers("status-numbers", { ...bars, label: "Users by status at the end of each week", series: named }),
    table(
      `Users by status on ${end}`,
      [
        { title: "Status", head: true, cell: nameOf },
        { title: "Users", number: true, cell: ({ counts }) => count(counts.at(-1) ?? 0) },
        {
          title: "Active subscriber",
          short: true,
          cell: (line) => (isSubscriber(line) ? "yes" : "no"),
        },
        { title: "Means", wide: true, cell: ({ name }) => MEANINGS[name][0] },
      ],
      ordered,
    ),
    el(
      "p",
      { class: "muted" },
      "An active subscriber has an active entitlement. A user's status is what the newest ",
      "state up to that day says (namiml_subscription_status where it is sent, else the ",
      "eight namiml_* properties), in the order of the events' own times. A subscription whose ",
      "end no event has reported stays active. Users without any state are not counted.",
    ),
  );
}

/** @param {{name: string}} line */
function isSubscriber({ name }) {
  return MEANINGS[name][1] !== undefined;
}

/** @param {Line} line */
function nameOf({ name }) {
  const text = STATUSES[/** @type {UserRow["status"]} */ (name)];
  return text[0].toUpperCase() + text.slice(1);
}
