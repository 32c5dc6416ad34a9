// One request: how it ended, and for a refused one why, with the offending events marked.
import { get } from "../api.js";
import { el } from "../dom.js";
import { bytes, count, plural, timeInFull } from "../format.js";
import { jsonBlock } from "../json.js";
import { backLink } from "../head.js";
import { statusBadge } from "../links.js";
import { panel } from "../panel.js";
import { COMPLAINTS } from "../words.js";
import { factList } from "./event.js";
import { took, why } from "./requests.js";
/** @import { FaultyEvent, RequestDetails, RequestRow } from "../documents.js" */
/** @import { View } from "../main.js" */

/** @type {View} */
export const request = {
  title: "Request",
  numbered: true,
  open(root, key) {
    const content = panel(() => get(`/api/requests/${encodeURIComponent(key)}`), draw);
    backLink(root, "requests", "All requests");
    root.append(content.region);
    return { update: content.refresh };
  },
};

/** @param {RequestDetails} details */
function draw({ request: row, answer, marked, ...more }) {
  return [
    el("section", { class: "card", "aria-label": "In short" }, facts(row)),
    marked.length > 0 && markedEvents(marked, more.marked_in_all),
    el(
      "section",
      { class: "card" },
      el("h2", {}, "The answer"),
      answer
        ? jsonBlock(answer, { name: "the answer" })
        : el("p", {}, "None: the connection was reset."),
    ),
    firstEvents(row, more.first_events, more.body_kept),
  ];
}

/** @param {RequestRow} row */
function facts(row) {
  return factList([
    ["Status", [statusBadge(row.status), " ", ...why(row)]],
    ["API", row.api],
    ["Time", timeInFull(row.time)],
    ["Took", took(row)],
    ["Events", `${count(row.events)}, ${plural(row.duplicates, "duplicate")} dropped`],
    ["Size", `${bytes(row.payload_bytes)}, ${bytes(row.wire_bytes)} on the wire`],
  ]);
}

/**
 * @param {FaultyEvent[]} marked
 * @param {number} inAll
 */
function markedEvents(marked, inAll) {
  const items = marked.map(({ index, why: reason, field, event }) => [
    el(
      "h3",
      {},
      `Event ${count(index)}: ${COMPLAINTS[reason]}`,
      field && [" (", el("code", {}, field), ")"],
    ),
    event === null
      ? el("p", { class: "muted" }, "This body is no longer stored.")
      : jsonBlock(event, { name: `event ${index}`, mark: field }),
  ]);
  return el(
    "section",
    { class: "card" },
    el("h2", {}, `${plural(inAll, "event")} at fault`),
    items,
    el("p", { class: "muted" }, countNote(marked.length, inAll)),
  );
}

/**
 * @param {number} shown
 * @param {number} inAll
 */
function countNote(shown, inAll) {
  const first = shown < inAll ? `These are the first ${count(shown)}. ` : "";
  return `${first}Events count from 0, as in the answer.`;
}

/**
 * @param {RequestRow} row
 * @param {string[]} events
 * @param {boolean} kept
 */
function firstEvents(row, events, kept) {
  if (!events.length) {
    const text = kept ? "It contained no readable event." : "Its body is no longer stored.";
    return el("p", { class: "muted" }, text);
  }
  const title =
    events.length < row.events ? `The first ${events.length} events` : "The events";
  return el(
    "section",
    { class: "card" },
    el("h2", {}, title),
    events.map((event, index) => folded(event, index)),
  );
}

/**
 * Twenty long events at once would hide the rest: each is laid out when it is opened.
 * @param {string} event
 * @param {number} index
 */
function folded(event, index) {
  const details = el("details", { id: `event-${index}` }, el("summary", {}, titleOf(event, index)));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) {
      details.append(jsonBlock(event, { name: `event ${index}` }));
    }
  });
  return details;
}

/**
 * @param {string} event
 * @param {number} index
 */
function titleOf(event, index) {
  let type = null;
  try {
    type = JSON.parse(event)?.event_type;
  } catch {
    // Not JSON: its number has to do.
  }
  return typeof type === "string" ? `${index}: ${type}` : `Event ${index}`;
}
