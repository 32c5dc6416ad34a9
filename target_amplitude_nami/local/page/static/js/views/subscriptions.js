// Subscriptions: the way to a payment, what converts, what it brings in, and who is active.
import { get } from "../api.js";
import { chart, inWords, numbers } from "../chart.js";
import { el } from "../dom.js";
import { filterBar, range, showRange } from "../filters.js";
import { count, day, per, percent } from "../format.js";
import { notice, nothingYet } from "../notices.js";
import { afterArrivals, panel } from "../panel.js";
import { address, here } from "../router.js";
import { conversions } from "./subscriptions/breakdown.js";
import { funnel, waysToPay } from "./subscriptions/funnel.js";
import { money } from "./subscriptions/money.js";
import { statusOverTime, subscribers } from "./subscriptions/status.js";
import { partial } from "./subscriptions/weeks.js";
/** @import { State, Subscriptions } from "../documents.js" */
/** @import { View } from "../main.js" */

/** @type {Record<string, number>} */
const COLOUR = {
  "trial starts": 1,
  conversions: 3,
  purchases: 7,
  renewals: 6,
  cancellations: 2,
  expirations: 8,
};

/** @type {View} */
export const subscriptions = {
  title: "Subscriptions",
  open(root) {
    const filters = filterBar({ types: false });
    const content = panel(load, draw);
    root.append(filters.bar, content.region);

    async function load() {
      const asked = range(here().query);
      const [state, data] = await Promise.all([
        get("/api/state"),
        get("/api/subscriptions", asked),
      ]);
      filters.update(state);
      return { state, data };
    }
    return { update: content.refresh, close: afterArrivals(content.refresh) };
  },
};

/** @param {{state: State, data: Subscriptions}} loaded */
function draw({ state, data }) {
  if (state.first === null) return [nothingYet("No subscription event has arrived yet")];
  const things = [
    ...data.series.flatMap(({ counts }) => counts),
    ...data.funnel.map(({ users }) => users),
    ...data.payers.map(({ users }) => users),
    ...data.statuses.flatMap(({ counts }) => counts),
  ];
  if (!things.some(Boolean)) return [nothingHere()];
  return [
    keyFigures(data),
    el(
      "section",
      { class: "card" },
      funnel(data.funnel),
      el(
        "p",
        { class: "muted" },
        "Users whose first paywall is in this range. Each is counted once at a step; what ",
        "they did later counts, whenever it was.",
      ),
    ),
    el("section", { class: "card" }, waysToPay(data.payers)),
    conversions(data.breakdowns),
    money(data),
    statusOverTime(data),
    eventsOverTime(data),
  ];
}

function nothingHere() {
  return notice(
    "No subscription event in this range",
    el("p", {}, "They come as Nami's device.*, user.journey.* and user.subscription.* events."),
    el("p", {}, el("a", { href: address("subscriptions") }, "Show the whole time")),
  );
}

/** @param {Subscriptions} data */
function keyFigures({ payers, statuses, until }) {
  const paying = payers.reduce((sum, { users }) => sum + users, 0);
  const direct = payers.find(({ key }) => key === "bought")?.users ?? 0;
  const on = until === null ? "" : ` on ${day(until - 1)}`;
  const inTrial = statuses.find(({ name }) => name === "trial")?.counts.at(-1) ?? 0;
  return el(
    "dl",
    { class: "totals" },
    figure("Paying users", count(paying)),
    figure("of them without any trial", count(direct), percent(direct, paying)),
    figure(`Active subscribers${on}`, count(subscribers(statuses))),
    figure("of them in a free trial", count(inTrial)),
  );
}

/**
 * @param {string} name
 * @param {string} value
 * @param {string} [share]
 */
function figure(name, value, share) {
  const beside = share && el("small", { class: "whole muted" }, share);
  return el("div", {}, el("dt", {}, name), el("dd", {}, value, beside && [" ", beside]));
}

/** @param {Subscriptions} data */
function eventsOverTime(data) {
  const bars = { ...data, partial: partial(data.starts, data.bucket, data) };
  return el(
    "section",
    { class: "card", "aria-labelledby": "over-time" },
    el("h2", { id: "over-time" }, `Events over time, ${per(data.bucket)}`),
    el("div", { class: "multiples" }, data.series.map((each) => multiple(each, bars))),
    numbers("subscription-numbers", {
      ...bars,
      label: `Subscription events ${per(data.bucket)}`,
    }),
    el("p", { class: "muted" }, "Renewals in a grace period count as renewals."),
  );
}

/**
 * @param {Subscriptions["series"][number]} line
 * @param {Subscriptions & {partial: boolean[]}} data
 */
function multiple({ name, counts }, { starts, bucket, partial: marks, series }) {
  const bars = { starts, bucket, series: [{ name, counts, colour: COLOUR[name] ?? 0 }] };
  const title = name[0].toUpperCase() + name.slice(1);
  const total = counts.reduce((sum, each) => sum + each, 0);
  return el(
    "figure",
    {},
    el("figcaption", {}, title, el("b", {}, count(total))),
    chart({
      ...bars,
      partial: marks,
      label: inWords(title, bars),
      height: 150,
      top: Math.max(...series.flatMap((each) => each.counts)), // One scale for all.
      onSelect: showRange,
    }),
  );
}
