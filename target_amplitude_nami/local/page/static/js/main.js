// Puts the page together: the views by their addresses, the theme, the line to the server.
import { get } from "./api.js";
import { listen } from "./arrivals.js";
import { el } from "./dom.js";
import { zoneHint } from "./format.js";
import { notice } from "./notices.js";
import { address, here } from "./router.js";
import { event } from "./views/event.js";
import { faults } from "./views/faults.js";
import { live } from "./views/live.js";
import { overview } from "./views/overview.js";
import { request } from "./views/request.js";
import { requests } from "./views/requests.js";
import { subscriptions } from "./views/subscriptions.js";
import { user } from "./views/user.js";
import { users } from "./views/users.js";

/**
 * A view makes its content once per address without filters; `update` follows the
 * filters, and `close` ends what goes on in the background.
 * @typedef {object} View
 * @property {string} title
 * @property {boolean} [numbered] Its key is a number that belongs to the title.
 * @property {(root: HTMLElement, key: string | null)
 *   => {update: (route: import("./router.js").Route) => void, close?: () => void}} open
 */

/** @type {Record<string, {list: View, one?: View}>} */
const VIEWS = {
  overview: { list: overview },
  live: { list: live, one: event },
  users: { list: users, one: user },
  requests: { list: requests, one: request },
  subscriptions: { list: subscriptions },
  faults: { list: faults },
};
const LINE = { open: "Listening", waiting: "Connecting", broken: "No connection" };

const main = document.getElementById("main");
let current = { place: null, content: null };

function show() {
  const route = here();
  const place = `${route.view}/${route.key ?? ""}`;
  if (place !== current.place) open(route, place);
  current.content?.update(route);
}

function open(route, place) {
  current.content?.close?.();
  const known = Object.hasOwn(VIEWS, route.view) ? VIEWS[route.view] : {};
  const view = route.key === null ? known.list : known.one;
  const title = view?.title ?? "Page not found";
  const heading = el("h1", { tabindex: -1 }, view?.numbered ? `${title} ${route.key}` : title);
  const head = el("div", { class: "head" }, heading);
  main.replaceChildren(head);
  const content = view?.open(main, route.key) ?? (lost(), null);
  document.title = `${heading.textContent} · Local Amplitude`;
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

function markCurrent(name) {
  for (const link of document.querySelectorAll("#views a")) {
    if (link.hash === address(name)) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function showViews() {
  const links = Object.entries(VIEWS).map(([name, { list }]) =>
    el("li", {}, el("a", { href: address(name) }, list.title)),
  );
  document.getElementById("views").replaceChildren(el("ul", {}, links));
}

function offerThemes() {
  const select = document.getElementById("theme");
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
  const place = document.getElementById("file");
  place.textContent = region === "eu" ? `${file}, EU` : file;
  place.title = file;
}

function showLine(state) {
  const place = document.getElementById("line");
  place.className = `line-state ${state}`;
  place.textContent = LINE[state];
}

showViews();
offerThemes();
document.getElementById("zone").textContent = zoneHint();
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // The address is the view's.
  main.focus();
});
addEventListener("hashchange", show);
show();
nameFile().catch(() => showLine("broken"));
listen(showLine);
