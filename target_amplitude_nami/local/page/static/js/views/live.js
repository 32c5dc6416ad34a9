// Live: events as they arrive, the newest first, and older ones page by page.
import { get } from "../api.js";
import { onArrival } from "../arrivals.js";
import { announce, el } from "../dom.js";
import { filterBar, range } from "../filters.js";
import { plural } from "../format.js";
import { addToHead } from "../head.js";
import { EVENT_COLUMNS } from "../links.js";
import { notice, nothingYet } from "../notices.js";
import { panel } from "../panel.js";
import { address, here } from "../router.js";
import { pages, row, table } from "../table.js";
/** @import { EventPage, EventRow } from "../documents.js" */
/** @import { View } from "../main.js" */

const MOST_ROWS = 300;
const ANNOUNCE_EVERY = 1000;

/** @type {View} */
export const live = {
  title: "Live",
  open(root) {
    const filters = filterBar({ types: true });
    const list = panel(load, draw);
    const pause = pauseButton(list.refresh);
    addToHead(root, pause.button);
    root.append(filters.bar, list.region);
    const say = announcer();

    async function load() {
      const { query } = here();
      const type = query.getAll("type");
      const asked = { ...range(query), type, before: query.get("before") };
      const [state, data] = await Promise.all([get("/api/state"), get("/api/events", asked)]);
      filters.update({ ...state, types: ["$identify", ...state.types] });
      return data;
    }

    const stop = onArrival(({ events, more, gap }) => {
      const { query } = here();
      const wanted = events.filter((event) => matches(event, query));
      if (query.has("before") || (!wanted.length && !more && !gap)) return;
      if (pause.missed(wanted.length + more)) return;
      const body = list.region.querySelector("tbody");
      if (gap || more || !body || body.rows.length > MOST_ROWS) list.refresh();
      else body.prepend(...wanted.map(freshRow));
      if (!gap) say(wanted.length + more);
    });
    return { update: list.refresh, close: stop };
  },
};

/** @param {EventPage} page */
function draw({ events, next }) {
  const route = here();
  if (events.length) {
    return [
      el(
        "section",
        { class: "card" },
        table("Events, the newest arrival first", EVENT_COLUMNS, events, { hidden: true }),
        pages(route, next),
      ),
    ];
  }
  if (!route.query.size) return [nothingYet("Waiting for the first event")];
  const all = el("a", { href: address(route.view) }, "Show all events");
  return [notice("No event matches these filters yet", el("p", {}, all))];
}

/** @param {EventRow} event */
function freshRow(event) {
  const made = row(EVENT_COLUMNS, event);
  made.className = "fresh";
  return made;
}

/**
 * @param {EventRow} event
 * @param {URLSearchParams} query
 */
function matches(event, query) {
  const { from, to } = range(query);
  const types = query.getAll("type");
  return (
    (from === null || event.time >= from) &&
    (to === null || event.time < to) &&
    (!types.length || types.includes(event.type))
  );
}

/** @param {() => void} refresh */
function pauseButton(refresh) {
  let paused = false;
  let count = 0;
  const button = el("button", { type: "button", "aria-pressed": "false" }, "Pause");
  const show = () => {
    button.setAttribute("aria-pressed", String(paused));
    button.textContent = paused && count ? `Paused, ${count} new` : "Pause";
  };
  button.addEventListener("click", () => {
    paused = !paused;
    count = 0;
    show();
    if (!paused) refresh();
  });
  /** Counts what is not shown; returns whether that is so. */
  const missed = (/** @type {number} */ more) => {
    if (paused) count += more;
    show();
    return paused;
  };
  return { button, missed };
}

/** Tells listeners how many events came, not more often than they can bear. */
function announcer() {
  let waiting = 0;
  /** @type {number | undefined} */
  let timer;
  return (/** @type {number} */ arrived) => {
    waiting += arrived;
    timer ??= setTimeout(() => {
      announce(`${plural(waiting, "event")} arrived`);
      waiting = 0;
      timer = undefined;
    }, ANNOUNCE_EVERY);
  };
}
