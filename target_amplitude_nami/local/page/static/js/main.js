// Puts the page together: the views by their addresses, the theme, the line to the server.
import { get } from "./api.js";
import { listen } from "./arrivals.js";
import { byId, el } from "./dom.js";
import { zoneHint } from "./format.js";
import { titleOfPage } from "./head.js";
import { notice } from "./notices.js";
import { address, here } from "./router.js";
import { event } from "./views/event.js";
import { faults } from "./views/faults.js";
import { live } from "./views/live.js";
import { overview } from "./views/overview.js";
import { reject } from "./views/reject.js";
import { request } from "./views/request.js";
import { requests } from "./views/requests.js";
import { subscriptions } from "./views/subscriptions.js";
import { trust } from "./views/trust.js";
import { user } from "./views/user.js";
import { users } from "./views/users.js";
/** @import { Route } from "./router.js" */

/**
 * A view makes its content once per address without filters; `update` follows the
 * filters, and `close` ends what goes on in the background.
 * @typedef {object} View
 * @property {string} title
 * @property {boolean} [numbered] Its key is a number that belongs to the title.
 * @property {(root: HTMLElement, key: string) => Content} open The key is empty for a list.
 */

/** @typedef {{update: (route: Route) => void, close?: () => void}} Content */

/** @type {Record<string, {list?: View, one?: View}>} */
const VIEWS = {
  trust: { list: trust },
  overview: { list: overview },
  live: { list: live, one: event },
  users: { list: users, one: user },
  requests: { list: requests, one: request },
  rejects: { one: reject },
  subscriptions: { list: subscriptions },
  faults: { list: faults },
};
const LINE = { open: "Listening", waiting: "Connecting", broken: "No connection" };

const main = byId("main");
/** @type {{place: string | null, content: Content | null}} */
let current = { place: null, content: null };

function show() {
  const route = here();
  const place = `${route.view}/${route.key ?? ""}`;
  if (place !== current.place) open(route, place);
  current.content?.update(route);
}

/**
 * @param {Route} route
 * @param {string} place
 */
function open(route, place) {
  current.content?.close?.();
  const known = Object.hasOwn(VIEWS, route.view) ? VIEWS[route.view] : null;
  const view = route.key === null ? known?.list : known?.one;
  const title = view?.title ?? "Page not found";
  const heading = el("h1", { tabindex: -1 }, view?.numbered ? `${title} ${route.key}` : title);
  const head = el("div", { class: "head" }, heading);
  main.replaceChildren(head);
  const content = view?.open(main, route.key ?? "") ?? null;
  if (!view) lost();
  document.title = titleOfPage(heading.textContent ?? "");
  markCurrent(route.view);
  // Not when the page opens: its reader has not been anywhere else before.
  if (current.place !== null) {
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  current = { place, content };
}

function lost() {
  main.append(notice("Choose one of the views above", el("p", {}, location.hash)));
}

/** @param {string} name */
function markCurrent(name) {
  for (const link of byId("views").querySelectorAll("a")) {
    if (link.hash === address(name)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function showViews() {
  const links = Object.entries(VIEWS).map(
    ([name, { list }]) => list && el("li", {}, el("a", { href: address(name) }, list.title)),
  );
  byId("views").replaceChildren(el("ul", {}, links));
}

function offerThemes() {
  const select = /** @type {HTMLSelectElement} */ (byId("theme"));
  select.value = document.documentElement.dataset.theme ?? "auto";
  select.addEventListener("change", () => {
    const theme = select.value;
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
    document.dispatchEvent(new Event("themechange"));
  });
}

async function nameFile() {
  const { file, region } = await get("/api/state");
  const place = byId("file");
  place.textContent = region === "eu" ? `${file}, EU` : file;
  place.title = file;
}

/** @param {keyof typeof LINE} state */
function showLine(state) {
  const place = byId("line");
  place.className = `line-state ${state}`;
  place.textContent = LINE[state];
}

showViews();
offerThemes();
byId("zone").textContent = zoneHint();
document.querySelector(".skip")?.addEventListener("click", (event) => {
  event.preventDefault(); // The address is the view's.
  main.focus();
});
addEventListener("hashchange", show);
show();
nameFile().catch(() => showLine("broken"));
listen(showLine);
