// What a run says of the records that it read: its rejects and its report.
import { breakable, el } from "../../dom.js";
import { count, percent } from "../../format.js";
import { problem } from "../../notices.js";
import { address } from "../../router.js";
import { table } from "../../table.js";
import { prose, section } from "./section.js";
/** @import { Rejects, RejectReason, Report } from "../../trust.js" */

const OUTCOMES = /** @type {const} */ ([
  ["Delivered", "delivered"],
  ["Filtered", "filtered"],
  ["Rejected", "rejected"],
  ["Held", "held"],
  ["Duplicate", "duplicate"],
  ["Open", "open"],
]);

/** @param {Rejects | null} found */
export function rejects(found) {
  if (!found?.count && !found?.problem) return null;
  return section(
    "rejects",
    "Rejected records",
    found.problem && problem(`${found.path}: ${found.problem}.`),
    el("p", { class: "muted" }, found.path),
    table(
      "Rejected records by reason",
      [
        { title: "Reason", head: true, cell: ({ reason }) => el("code", {}, breakable(reason)) },
        { title: "Records", number: true, cell: (row) => count(row.count) },
        { title: "An example", cell: example },
      ],
      found.reasons,
    ),
    !found.is_complete && el("p", {}, "Only the first 64 MB of the file were read."),
  );
}

/** @param {RejectReason} reason */
function example({ type, stream, detail, line }) {
  return [
    el("span", { class: "muted" }, type ?? stream, detail && ": "),
    prose(detail),
    " ",
    el("a", { href: address("rejects", line) }, "Explain"),
  ];
}

/** @param {Report | null} found */
export function report(found) {
  if (!found) return null;
  const { run } = found;
  return section(
    "report",
    "What the run reports",
    found.problem && problem(`${found.path}: ${found.problem}.`),
    el("p", { class: "muted" }, found.path),
    run && el("p", {}, `Started ${run.started_at}, to ${run.destination}: ${run.outcome}.`),
    run &&
      table(
        `What became of ${count(run.read)} records read`,
        [
          { title: "Outcome", head: true, cell: ([name]) => name },
          { title: "Records", number: true, cell: ([, key]) => count(run[outcome(key)]) },
          { title: "Share", number: true, cell: ([, key]) => percent(run[outcome(key)], run.read) },
          { title: "Reasons", wide: true, cell: ([, key]) => reasons(run, key) },
        ],
        OUTCOMES.map((each) => [...each]),
      ),
  );
}

/** @param {string} key */
function outcome(key) {
  return /** @type {(typeof OUTCOMES)[number][1]} */ (key);
}

/**
 * @param {import("../../trust.js").RunReport} run
 * @param {string} key
 */
function reasons(run, key) {
  const known = { filtered: run.filtered_by_reason, rejected: run.rejected_by_reason };
  const found = key === "filtered" || key === "rejected" ? known[key] : {};
  return Object.entries(found)
    .map(([reason, number]) => `${reason} (${count(number)})`)
    .join(", ");
}
