// One request: how it ended, and for a refused one why, with the offending events marked.
import { get } from "../api.js";
import { lateCopyButton } from "../copy.js";
import { breakable, el, nodes } from "../dom.js";
import { bytes, count, plural, timeInFull } from "../format.js";
import { jsonBlock } from "../json.js";
import { addToHead, backLink } from "../head.js";
import { statusBadge } from "../links.js";
import { panel } from "../panel.js";
import { address, here } from "../router.js";
import { pages } from "../table.js";
import { COMPLAINTS } from "../words.js";
import { factList } from "./event.js";
import { took, why } from "./requests.js";
/** @import { FaultyEvent, RequestDetails, RequestRow, SentEvent, SentEvents } from "../documents.js" */
/** @import { View } from "../main.js" */

const AT_ONCE = 50;

/** @type {View} */
export const request = {
  title: "Request",
  numbered: true,
  open(root, key) {
    const path = `/api/requests/${encodeURIComponent(key)}`;
    const load = () => get(path, { before: here().query.get("before"), limit: AT_ONCE });
    const content = panel(load, draw);
    backLink(root, "requests", "All requests");
    const command = async () => (await get(`${path}/curl`)).command;
    addToHead(root, lateCopyButton("Copy as curl", "a curl command", command));
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
    eventsOf(row, more.sent, more.body_kept),
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
      `Event ${count(index + 1)}: ${COMPLAINTS[reason]}`,
      field && [" (", el("code", {}, field), ")"],
    ),
    event === null
      ? el("p", { class: "muted" }, "This body is no longer stored.")
      : jsonBlock(event, { name: `event ${index + 1}`, mark: field }),
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
  return `${first}The answer counts events from 0, this page from 1.`;
}

/**
 * @param {RequestRow} row
 * @param {SentEvents} sent
 * @param {boolean} kept
 */
function eventsOf(row, { events, total, next }, kept) {
  if (!total) {
    const text = kept ? "It contained no readable event." : "Its body is no longer stored.";
    return el("p", { class: "muted" }, text);
  }
  const last = events.length && events[events.length - 1].place;
  const some = `${count(events[0]?.place ?? 0)} to ${count(last)} of ${count(total)}`;
  return el(
    "section",
    { class: "card" },
    el("h2", {}, events.length < total ? `Its events, ${some}` : `Its ${plural(total, "event")}`),
    row.duplicates > 0 &&
      el("p", { class: "muted" }, "Without the duplicates, which were not stored."),
    events.map(folded),
    pages(here(), next, { first: "« First", next: "Next »" }),
  );
}

/**
 * Many long events at once would hide the rest: each is laid out when it is opened.
 * @param {SentEvent} event
 */
function folded({ place, number, text }) {
  const details = el(
    "details",
    { id: `event-${place}` },
    el("summary", {}, `${count(place)}: `, titleOf(text)),
  );
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    const link = number !== null && el("p", {}, el("a", { href: address("live", number) }, "Its page"));
    details.append(...nodes([link, jsonBlock(text, { name: `event ${place}` })]));
  });
  return details;
}

/** @param {string} event */
function titleOf(event) {
  let type = null;
  try {
    type = JSON.parse(event)?.event_type;
  } catch {
    // Not JSON: its number has to do.
  }
  return typeof type === "string" ? breakable(type) : "no event type";
}
