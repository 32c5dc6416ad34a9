// Cells that several tables share: events, users, requests and how these ended.
import { copyButton } from "./copy.js";
import { breakable, el } from "./dom.js";
import { time } from "./format.js";
import { address } from "./router.js";
import { STATUSES } from "./words.js";
/** @import { UserRow } from "./documents.js" */
/** @import { Column } from "./table.js" */

/** @type {Partial<Record<UserRow["status"], string>>} */
const LOOKS = { active: "good", trial: "good", intro: "good", cancelled: "warn", grace: "warn", account_hold: "bad" };

/** @param {{number: number, type: string}} event */
export function eventLink({ number, type }) {
  return el("a", { href: address("live", number) }, breakable(type));
}

/** @param {{user: string, user_id: string | null, device_id: string | null}} row */
export function userLink({ user, user_id: userId, device_id: deviceId }) {
  const name = userId ?? deviceId;
  return el("a", { class: "id mono", href: address("users", user), title: name }, name);
}

/**
 * Returns a badge with a user's subscription status.
 * @param {{status: UserRow["status"]}} user
 */
export function subscription({ status }) {
  if (status === "unknown") return el("span", { class: "muted" }, "–");
  return el("span", { class: `badge ${LOOKS[status] ?? ""}` }, STATUSES[status]);
}

/** @param {number} number */
export function requestLink(number) {
  return el("a", { href: address("requests", number) }, String(number));
}

/** @param {string | null} text */
export function id(text) {
  return text && el("span", { class: "id mono", title: text }, text);
}

/**
 * Returns an id on one line, with a button that copies it.
 * @param {string} text
 * @param {string} what
 */
export function idWithCopy(text, what) {
  const shown = el("span", { class: "mono", title: text }, text);
  return el("span", { class: "whole-id" }, shown, copyButton(text, what));
}

/** @param {number} status 0 if a fault took the connection before any answer. */
export function statusBadge(status) {
  const good = status >= 200 && status < 400;
  return el("span", { class: `badge ${good ? "good" : "bad"}` }, status || "no answer");
}

/**
 * The columns of a list of events.
 * @type {Column[]}
 */
export const EVENT_COLUMNS = [
  { title: "Event", head: true, cell: eventLink },
  { title: "User", cell: userLink },
  { title: "Time (UTC)", cell: (event) => time(event.time) },
  { title: "Arrived (UTC)", wide: true, cell: (event) => time(event.uploaded) },
  { title: "Insert id", wide: true, cell: (event) => id(event.insert_id) },
  { title: "Request", wide: true, number: true, cell: (event) => requestLink(event.request) },
];
