// How many users have which status at the end of each week, as their state says it.
import { chart, numbers } from "../../chart.js";
import { el } from "../../dom.js";
import { showRange } from "../../filters.js";
import { count, day } from "../../format.js";
import { swatchClass } from "../../palette.js";
import { table } from "../../table.js";
import { partial, partialNote } from "./weeks.js";
/** @import { Line, Subscriptions } from "../../documents.js" */

/** By status: its name, what it means, and its colour if it is that of a subscriber. */
const STATUSES = /** @type {Record<string, [string, string, number?]>} */ ({
  active: ["Active", "Something is active, and nothing below applies.", 3],
  intro: ["Introductory offer", "In an introductory offer.", 1],
  trial: ["Free trial", "In a free trial.", 4],
  grace: ["Grace period", "Billing failed; the store still tries.", 2],
  cancelled: ["Cancelled", "Runs out, but is still active (needs namiml_is_cancelled).", 5],
  paused: ["Paused", "user.subscription.paused, and nothing is active."],
  account_hold: ["On hold", "In account hold (needs namiml_in_account_hold)."],
  former: ["Former", "Nothing is active, and once there was."],
  never: ["Never subscribed", "Nothing is active, and never was."],
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
  const known = Object.keys(STATUSES);
  const ordered = statuses.toSorted((a, b) => known.indexOf(a.name) - known.indexOf(b.name));
  const named = ordered.map((line) => ({ ...line, name: STATUSES[line.name][0] }));
  const series = ordered
    .filter(isSubscriber)
    .map(({ name, counts }) => ({ name: STATUSES[name][0], counts, colour: STATUSES[name][2] }));
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
    chart({
      ...bars,
      label: `Active subscribers at the end of each week, by status: ${count(last)} on ${end}.`,
      series,
      height: 240,
      onSelect: showRange,
    }),
    bars.partial.includes(true) && partialNote(),
    numbers("status-numbers", { ...bars, label: "Users by status at the end of each week", series: named }),
    table(
      `Users by status on ${end}`,
      [
        { title: "Status", head: true, cell: ({ name }) => STATUSES[name][0] },
        { title: "Users", number: true, cell: ({ counts }) => count(counts.at(-1) ?? 0) },
        {
          title: "Active subscriber",
          short: true,
          cell: (line) => (isSubscriber(line) ? "yes" : "no"),
        },
        { title: "Means", wide: true, cell: ({ name }) => STATUSES[name][1] },
      ],
      ordered,
    ),
    el(
      "p",
      { class: "muted" },
      "An active subscriber has an active entitlement. A user's status is what the newest ",
      "state up to that day says (namiml_subscription_status where it is sent, else the ",
      "eight namiml_* properties), in the order of the events' own times. A subscription whose ",
      "end no event has told of stays active. Users without any state are not counted.",
    ),
  );
}

/** @param {{name: string}} line */
function isSubscriber({ name }) {
  return STATUSES[name][2] !== undefined;
}
