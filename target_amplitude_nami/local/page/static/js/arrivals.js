// One stream of what arrives, shared by all that wants to know; quiet while unseen.

const RETRY_AFTER = 3000;

const listeners = new Set();
let source = null;
let last = null;
let opened = false;
let showState = () => {};

/**
 * Calls back with each arrival until the returned function is called. After a pause the
 * arrival says that it is a `gap`, since others may have arrived meanwhile.
 * @param {(arrival: {events: object[], requests: object[], more: number, gap: boolean})
 *   => void} listener
 * @returns {() => void}
 */
export function onArrival(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Starts to listen, and reports the state of the connection: `open`, `waiting` or `broken`.
 * @param {(state: string) => void} show
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
  source = new EventSource(last === null ? "/api/live" : `/api/live?after=${last}`);
  source.addEventListener("open", () => {
    showState("open");
    if (opened) notify({ events: [], requests: [], more: 0, gap: true });
    opened = true;
  });
  source.addEventListener("arrivals", (message) => {
    last = message.lastEventId || last;
    notify({ more: 0, gap: false, ...JSON.parse(message.data) });
  });
  source.addEventListener("error", () => {
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

function notify(arrival) {
  for (const listener of listeners) listener(arrival);
}
