// Users: look one up by user id, device id or Nami id.
import { get } from "../api.js";
import { el } from "../dom.js";
import { count, time } from "../format.js";
import { subscription, userLink } from "../links.js";
import { notice, nothingYet } from "../notices.js";
import { afterArrivals, panel } from "../panel.js";
import { address, go, here, withFilters } from "../router.js";
import { pages, table } from "../table.js";
import { KINDS } from "../words.js";
/** @import { UserPage, UserRow } from "../documents.js" */
/** @import { View } from "../main.js" */
/** @import { Route } from "../router.js" */
/** @import { Column, Sorting } from "../table.js" */

const TYPING_PAUSE = 250;

/** @type {View} */
export const users = {
  title: "Users",
  open(root) {
    const look = lookUp();
    const list = panel(load, draw);
    root.append(look.form, list.region);
    function load() {
      const { query } = here();
      return get("/api/users", {
        q: query.get("q"),
        sort: query.get("sort"),
        order: query.get("order"),
        before: query.get("before"),
      });
    }
    function update(/** @type {Route} */ route) {
      look.update(route.query.get("q") ?? "");
      list.refresh();
    }
    return { update, close: afterArrivals(list.refresh) };
  },
};

function lookUp() {
  const input = el("input", {
    type: "search",
    id: "look-up",
    autocomplete: "off",
    spellcheck: "false",
  });
  /** @type {number | undefined} */
  let timer;
  const look = () => {
    clearTimeout(timer);
    go(withFilters(here(), { q: input.value.trim() }));
  };
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => here().view === "users" && look(), TYPING_PAUSE);
  });
  const label = "User id, device id or Nami id, or how it begins";
  const form = el(
    "form",
    {
      class: "filters",
      role: "search",
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        look();
      },
    },
    el("div", { class: "field grow" }, el("label", { for: input.id }, label), input),
    el("button", { class: "main" }, "Look up"),
  );
  const update = (/** @type {string} */ text) => {
    if (document.activeElement !== input || !input.value.trim()) input.value = text;
  };
  return { form, update };
}

/** @type {Column[]} */
const COLUMNS = [
  {
    title: "User",
    head: true,
    sort: "name",
    cell: (/** @type {UserRow} */ row) => userLink({ ...row, user: row.key }),
  },
  { title: "Kind", wide: true, cell: (/** @type {UserRow} */ { kind }) => KINDS[kind] },
  { title: "Status", sort: "status", cell: (/** @type {UserRow} */ row) => subscription(row) },
  { title: "Events", number: true, sort: "events", cell: ({ events }) => count(events) },
  { title: "Last event (UTC)", sort: "last", cell: ({ last }) => timeIfAny(last) },
];
const TEXTS = { first: "« Start", next: "More »" };

/**
 * Whom nothing but user updates named has no event.
 * @param {number | null} ms
 */
function timeIfAny(ms) {
  return ms === null ? "–" : time(ms);
}

/**
 * @param {Route} route
 * @returns {Sorting}
 */
function sorting(route) {
  const key = route.query.get("sort") ?? "last";
  const order = route.query.get("order") ?? (key === "name" ? "asc" : "desc");
  const to = (/** @type {string} */ sort, /** @type {boolean} */ descending) =>
    withFilters(route, { sort, order: descending ? "desc" : "asc" });
  return { key, descending: order === "desc", address: to };
}

/** @param {UserPage} page */
function draw({ users: found, next }) {
  const route = here();
  const text = route.query.get("q");
  if (found.length) {
    const list = table("Users", COLUMNS, found, { hidden: true, sorting: sorting(route) });
    return [el("section", { class: "card names" }, list, pages(route, next, TEXTS))];
  }
  if (!text) return [nothingYet("No user is known yet")];
  const all = el("a", { href: address("users") }, "Show all users");
  return [notice(`No id begins with “${text}”`, el("p", {}, all))];
}
