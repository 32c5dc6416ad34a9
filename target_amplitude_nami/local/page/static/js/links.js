// Cells that several tables share: events, users, requests and how these ended.
import { breakable, el } from "./dom.js";
import { time } from "./format.js";
import { address } from "./router.js";
/** @import { Column } from "./table.js" */

/** @param {{number: number, type: string}} event */
export function eventLink({ number, type }) {
  return el("a", { href: address("live", number) }, breakable(type));
}

/** @param {{user: string, user_id: string | null, device_id: string | null}} row */
export function userLink({ user, user_id: userId, device_id: deviceId }) {
  const name = userId ?? deviceId;
  return el("a", { class: "id mono", href: address("users", user), title: name }, name);
}

/** @param {number} number */
export function requestLink(number) {
  return el("a", { href: address("requests", number) }, String(number));
}

/** @param {string | null} text */
export function id(text) {
  return text && el("span", { class: "id mono", title: text }, text);
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
