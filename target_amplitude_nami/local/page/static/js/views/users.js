// Users: look one up by user id, device id or Nami id.
import { get } from "../api.js";
import { el } from "../dom.js";
import { count, time } from "../format.js";
import { notice, nothingYet } from "../notices.js";
import { afterArrivals, panel } from "../panel.js";
import { address, go, here, withFilters } from "../router.js";
import { pages, table } from "../table.js";
import { KINDS } from "../words.js";
/** @import { UserPage, UserRow } from "../documents.js" */
/** @import { View } from "../main.js" */
/** @import { Route } from "../router.js" */
/** @import { Column } from "../table.js" */

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
      return get("/api/users", { q: query.get("q"), before: query.get("before") });
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
    cell: ({ key, user_id: userId, device_id: deviceId }) =>
      el("a", { class: "mono", href: address("users", key) }, userId ?? deviceId ?? key),
  },
  { title: "Kind", wide: true, cell: ({ kind }) => KINDS[/** @type {UserRow["kind"]} */ (kind)] },
  { title: "Events", number: true, cell: ({ events }) => count(events) },
  { title: "First event (UTC)", wide: true, cell: ({ first }) => timeIfAny(first) },
  { title: "Last event (UTC)", cell: ({ last }) => timeIfAny(last) },
];

/**
 * Whom nothing but user updates named has no event.
 * @param {number | null} ms
 */
function timeIfAny(ms) {
  return ms === null ? "–" : time(ms);
}

/** @param {UserPage} page */
function draw({ users: found, next }) {
  const route = here();
  const text = route.query.get("q");
  if (found.length) {
    return [el("section", { class: "card" }, table("Users", COLUMNS, found), pages(route, next))];
  }
  if (!text) return [nothingYet("No user is known yet")];
  const all = el("a", { href: address("users") }, "Show all users");
  return [notice(`No id begins with “${text}”`, el("p", {}, all))];
}
