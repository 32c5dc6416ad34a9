// The ways from a paywall to payment, each user counted once at each step.
import { breakable, el } from "../../dom.js";
import { count, percent } from "../../format.js";
import { table } from "../../table.js";
/** @import { FunnelStep, Payers } from "../../documents.js" */

/** What each step is called, and who is counted there. */
const STEPS = /** @type {Record<string, [string, string]>} */ ({
  saw: ["Saw a paywall", "device.impression. Everything below happened then or later."],
  transaction: ["Made a transaction", "device.transaction: a purchase or the start of a trial."],
  trial: ["Started a trial", "user.journey.trial.started."],
  converted: ["The trial converted", "user.journey.trial.converted."],
  bought_after_trial: [
    "The trial did not convert, bought later",
    "user.subscription.purchased after a trial.",
  ],
  bought_before_trial: [
    "Had bought before, tried another",
    "The first trial came after the last purchase.",
  ],
  lapsed: ["The trial ended, not paying", "user.journey.trial.did_not_convert, no purchase since."],
  in_trial: ["Still in the trial, as far as is known", "No event says yet how the trial ended."],
  bought: ["Bought directly, without any trial", "user.subscription.purchased, never a trial."],
  paying: ["Paying, in one of these ways", "A trial converted, or a subscription was purchased."],
});
const WAYS = /** @type {Record<string, string>} */ ({
  converted: "A trial converted",
  bought_after_trial: "Bought after a trial that did not convert",
  bought_before_trial: "Bought first, tried another later",
  bought: "Bought directly, without any trial",
  paid_before: "Paid, but not after the first paywall they saw",
});

/** @param {FunnelStep[]} steps */
export function funnel(steps) {
  const first = steps[0].users;
  const parents = new Map(steps.map(({ key, of }) => [key, of]));
  const users = new Map(steps.map((step) => [step.key, step.users]));
  const element = table(
    "From paywall to payment",
    [
      { title: "Step", head: true, cell: (step) => stepName(step, parents) },
      { title: "Users", number: true, cell: (step) => count(step.users) },
      { title: "Of the first", number: true, cell: (step) => percent(step.users, first) },
      {
        title: "Of the step above it",
        number: true,
        wide: true,
        cell: ({ of, users: some }) => (of ? percent(some, users.get(of) ?? 0) : "–"),
      },
      { title: "Share", bar: true, wide: true, cell: (step) => bar(step.users, first) },
    ],
    steps,
  );
  element.classList.add("funnel");
  return element;
}

/** @param {Payers[]} payers */
export function waysToPay(payers) {
  const all = payers.reduce((sum, { users }) => sum + users, 0);
  const total = {
    key: "all",
    users: all,
    without_paywall: payers.reduce((sum, each) => sum + each.without_paywall, 0),
  };
  return table(
    "How paying users came",
    [
      { title: "Way", head: true, cell: ({ key }) => WAYS[key] ?? "All paying users" },
      { title: "Users", number: true, cell: ({ users }) => count(users) },
      { title: "Share", number: true, cell: ({ users }) => percent(users, all) },
      {
        title: "Saw no paywall before",
        number: true,
        wide: true,
        cell: ({ without_paywall }) => count(without_paywall),
      },
    ],
    [...payers, total],
  );
}

/**
 * @param {FunnelStep} step
 * @param {Map<string, string | null>} parents
 */
function stepName({ key, of }, parents) {
  const [name, why] = STEPS[key] ?? [key, ""];
  const depth = of ? (parents.get(of) ? "inner twice" : "inner") : null;
  return el("div", { class: depth }, name, el("span", { class: "why" }, breakable(why)));
}

/**
 * @param {number} users
 * @param {number} first
 */
function bar(users, first) {
  if (!users) return null;
  const made = el("span");
  made.style.setProperty("--share", String((100 * users) / first));
  return made;
}
