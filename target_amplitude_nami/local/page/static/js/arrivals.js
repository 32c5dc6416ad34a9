// One stream of what arrives, shared by all that wants to know; quiet while unseen.

/** @import { EventRow, RequestRow } from "./documents.js" */

const RETRY_AFTER = 3000;

/**
 * @typedef {object} Arrival
 * @property {EventRow[]} events
 * @property {RequestRow[]} requests
 * @property {number} more How many more events arrived.
 * @property {boolean} gap Whether others may have arrived meanwhile.
 */

/** @type {Set<(arrival: Arrival) => void>} */
const listeners = new Set();
/** @type {EventSource | null} */
let source = null;
/** @type {string | null} */
let last = null;
let opened = false;
let showState = (/** @type {"open" | "waiting" | "broken"} */ _) => {};

/**
 * Calls back with each arrival until the returned function is called. After a pause the
 * arrival is a `gap`.
 * @param {(arrival: Arrival) => void} listener
 * @returns {() => void}
 */
export function onArrival(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Starts to listen, and reports the state of the connection: `open`, `waiting` or `broken`.
 * @param {(state: "open" | "waiting" | "broken") => void} show
 */
export function listen(show) {
  showState = show;
  // A browser opens few connections to one server: tabs in the background give theirs up.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

function open() {
  if (source || document.hidden) return;
  showState("waiting");
  const opening = new EventSource(last === null ? "/api/live" : `/api/live?after=${last}`);
  source = opening;
  opening.addEventListener("open", () => {
    showState("open");
    if (opened) notify({ events: [], requests: [], more: 0, gap: true });
    opened = true;
  });
  opening.addEventListener("arrivals", (message) => {
    last = message.lastEventId || last;
    notify({ more: 0, gap: false, ...JSON.parse(message.data) });
  });
  opening.addEventListener("error", () => {
    showState("broken");
    if (source?.readyState !== EventSource.CLOSED) return; // It tries again by itself.
    close();
    setTimeout(open, RETRY_AFTER);
  });
}

function close() {
  source?.close();
  source = null;
}

/** @param {Arrival} arrival */
function notify(arrival) {
  for (const listener of listeners) listener(arrival);
}
