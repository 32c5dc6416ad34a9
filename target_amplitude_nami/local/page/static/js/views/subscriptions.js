// Subscriptions: trials, conversions, renewals and cancellations over time, and the funnel.
import { get } from "../api.js";
import { chart, inWords, numbers } from "../chart.js";
import { el } from "../dom.js";
import { filterBar, range, showRange } from "../filters.js";
import { count, per, percent } from "../format.js";
import { notice, nothingYet } from "../notices.js";
import { afterArrivals, panel } from "../panel.js";
import { address, here } from "../router.js";
import { table } from "../table.js";
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
/** @type {Record<string, string>} */
const STEPS = {
  impression: "Saw a paywall",
  transaction: "Made a transaction",
  trial: "Started a trial",
  converted: "Converted to paid",
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
  const things = [...data.series.flatMap(({ counts }) => counts), ...data.funnel.map((s) => s.users)];
  if (!things.some(Boolean)) return [nothingHere()];
  return [
    el("section", { class: "card" }, funnel(data.funnel)),
    el(
      "section",
      { class: "card", "aria-labelledby": "over-time" },
      el("h2", { id: "over-time" }, `Over time, ${per(data.bucket)}`),
      el("div", { class: "multiples" }, data.series.map((each) => multiple(each, data))),
      numbers("subscription-numbers", {
        ...data,
        label: `Subscription events ${per(data.bucket)}`,
      }),
      el("p", { class: "muted" }, "Renewals in a grace period count as renewals."),
    ),
  ];
}

function nothingHere() {
  return notice(
    "No subscription event in this range",
    el("p", {}, "They come as Nami's device.*, user.journey.* and user.subscription.* events."),
    el("p", {}, el("a", { href: address("subscriptions") }, "Show the whole time")),
  );
}

/**
 * @param {Subscriptions["series"][number]} line
 * @param {Subscriptions} data
 */
function multiple({ name, counts }, { starts, bucket, series }) {
  const bars = { starts, bucket, series: [{ name, counts, colour: COLOUR[name] ?? 0 }] };
  const title = name[0].toUpperCase() + name.slice(1);
  const total = counts.reduce((sum, each) => sum + each, 0);
  return el(
    "figure",
    {},
    el("figcaption", {}, title, el("b", {}, count(total))),
    chart({
      ...bars,
      label: inWords(title, bars),
      height: 150,
      top: Math.max(...series.flatMap((each) => each.counts)), // One scale for all.
      onSelect: showRange,
    }),
  );
}

/** @param {Subscriptions["funnel"]} steps */
function funnel(steps) {
  const first = steps[0].users;
  const rows = steps.map((step, index) => ({
    ...step,
    before: index ? steps[index - 1].users : null,
  }));
  const bar = (/** @type {{users: number}} */ { users }) => {
    const made = el("span");
    made.style.setProperty("--share", String(first ? (100 * users) / first : 0));
    return made;
  };
  const element = table(
    "From paywall to payment: users who did the steps in this order",
    [
      { title: "Step", head: true, cell: ({ step }) => STEPS[step] ?? step },
      { title: "Users", number: true, cell: ({ users }) => count(users) },
      { title: "Of the first", number: true, cell: ({ users }) => percent(users, first) },
      {
        title: "Of the step before",
        number: true,
        wide: true,
        cell: ({ users, before }) => (before === null ? "–" : percent(users, before)),
      },
      { title: "Share", bar: true, cell: bar },
    ],
    rows,
  );
  element.classList.add("funnel");
  return element;
}
