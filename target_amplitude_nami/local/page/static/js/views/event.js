// One event: as it was sent, as Amplitude would store it, and what it changed.
import { get } from "../api.js";
import { breakable, el } from "../dom.js";
import { timeInFull } from "../format.js";
import { jsonBlock, jsonInline } from "../json.js";
import { backLink } from "../head.js";
import { idWithCopy, requestLink, userLink } from "../links.js";
import { panel } from "../panel.js";
import { table } from "../table.js";
import { explanation } from "./explanation.js";
/** @import { Change, EventDetails, EventRow } from "../documents.js" */
/** @import { Child } from "../dom.js" */
/** @import { View } from "../main.js" */

/** @type {View} */
export const event = {
  title: "Event",
  numbered: true,
  open(root, key) {
    const content = panel(() => get(`/api/events/${encodeURIComponent(key)}`), draw);
    backLink(root, "live", "All events");
    root.append(content.region, explanation(key));
    return { update: content.refresh };
  },
};

/** @param {EventDetails} details */
function draw({ row, sent, stored, property_changes: changes }) {
  return [
    el("section", { class: "card", "aria-label": "In short" }, facts(row)),
    el(
      "div",
      { class: "pair" },
      el(
        "section",
        { class: "card" },
        el("h2", {}, "As it was sent"),
        jsonBlock(sent, { name: "the event as it was sent" }),
      ),
      el(
        "section",
        { class: "card" },
        el("h2", {}, "As Amplitude would store it"),
        jsonBlock(stored, { name: "the event as stored" }),
      ),
    ),
    el("section", { class: "card" }, changeTable(changes)),
  ];
}

/** @param {EventRow} row */
function facts(row) {
  return factList([
    ["Event type", el("strong", {}, breakable(row.type))],
    ["User", userLink(row)],
    ["Device id", row.device_id && idWithCopy(row.device_id, "device id")],
    ["Insert id", row.insert_id && idWithCopy(row.insert_id, "insert id")],
    ["Time", timeInFull(row.time)],
    ["Arrived", timeInFull(row.uploaded)],
    ["Request", requestLink(row.request)],
  ]);
}

/**
 * Returns names with their values; those without a value are left out.
 * @param {[string, Child][]} pairs
 */
export function factList(pairs) {
  const items = pairs
    .filter(([, value]) => value)
    .map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return el("dl", { class: "facts" }, items);
}

/** @param {Change[]} changes */
function changeTable(changes) {
  if (!changes.length) return el("p", {}, "It changed no user property.");
  return table(
    "User properties that it changed",
    [
      { title: "Property", head: true, cell: ({ name }) => breakable(name) },
      { title: "Before", cell: ({ before }) => jsonInline(before) },
      { title: "After", cell: ({ after }) => jsonInline(after) },
    ],
    changes,
  );
}
