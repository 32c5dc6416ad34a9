// Requests: each with how it ended, the newest first.
import { get } from "../api.js";
import { el } from "../dom.js";
import { filterBar, range } from "../filters.js";
import { bytes, count, time } from "../format.js";
import { requestLink, statusBadge } from "../links.js";
import { notice, nothingYet } from "../notices.js";
import { afterArrivals, panel } from "../panel.js";
import { address, go, here, withFilters } from "../router.js";
import { pages, table } from "../table.js";
/** @import { RequestPage } from "../documents.js" */
/** @import { View } from "../main.js" */
/** @import { Route } from "../router.js" */
/** @import { Column } from "../table.js" */

/** @type {View} */
export const requests = {
  title: "Requests",
  open(root) {
    const choice = statusChoice();
    const filters = filterBar({ types: false }, choice.group);
    const list = panel(load, draw);
    root.append(filters.bar, list.region);
    async function load() {
      const { query } = here();
      const [status, before] = [query.get("status"), query.get("before")];
      const data = await get("/api/requests", { ...range(query), status, before });
      filters.update({ ...data, types: [] });
      return data;
    }
    function update(/** @type {Route} */ route) {
      choice.update(route.query.get("status"));
      list.refresh();
    }
    return { update, close: afterArrivals(list.refresh) };
  },
};

function statusChoice() {
  const button = (/** @type {string} */ text, /** @type {string | null} */ status) =>
    el("button", { type: "button", onclick: () => go(withFilters(here(), { status })) }, text);
  const all = button("All", null);
  const refused = button("Refused", "refused");
  const group = el("div", { class: "choices", role: "group", "aria-label": "Status" }, all, refused);
  const update = (/** @type {string | null} */ status) => {
    all.setAttribute("aria-pressed", String(status !== "refused"));
    refused.setAttribute("aria-pressed", String(status === "refused"));
  };
  return { group, update };
}

/** @type {Column[]} */
const COLUMNS = [
  { title: "Request", head: true, number: true, cell: ({ number }) => requestLink(number) },
  { title: "Status", cell: ({ status }) => statusBadge(status) },
  { title: "Why", cell: why },
  { title: "Time (UTC)", wide: true, cell: (request) => time(request.time) },
  { title: "API", wide: true, short: true, cell: ({ api }) => api },
  { title: "Events", number: true, cell: ({ events }) => count(events) },
  { title: "Duplicates", wide: true, number: true, cell: (row) => count(row.duplicates) },
  { title: "Size", wide: true, number: true, cell: (row) => bytes(row.payload_bytes) },
  { title: "On the wire", wide: true, number: true, cell: (row) => bytes(row.wire_bytes) },
  { title: "Took", wide: true, number: true, cell: (row) => took(row) },
];

/** @param {{milliseconds: number | null}} request */
export function took({ milliseconds }) {
  return milliseconds === null ? "–" : `${count(milliseconds)} ms`;
}

/** @param {{error: string | null, fault: string}} request */
export function why({ error, fault }) {
  const badge = fault ? el("span", { class: "badge warn" }, `fault: ${fault}`) : null;
  return [error, error && badge && " ", badge];
}

/** @param {RequestPage} page */
function draw({ requests: found, next }) {
  const route = here();
  if (found.length) {
    const list = table("Requests, the newest first", COLUMNS, found, { hidden: true });
    return [el("section", { class: "card" }, list, pages(route, next))];
  }
  if (!route.query.size) return [nothingYet("No request has come yet")];
  const all = el("a", { href: address("requests") }, "Show all requests");
  return [notice("No request matches these filters", el("p", {}, all))];
}
