// The filter bar: a stretch of days and event types, kept in the address.
import { el } from "./dom.js";
import { isoDay, WHOLE_DAY } from "./format.js";
import { address, go, here, withFilters } from "./router.js";

const LAST_DAYS = [7, 30, 90];

/** @typedef {{first: number | null, last: number | null, types: string[]}} State What there is to filter. */

/**
 * Returns the stretch of time that the address asks for, the end not included.
 * @param {URLSearchParams} query
 */
export function range(query) {
  const [from, to] = ["from", "to"].map((name) => Date.parse(`${query.get(name)}T00:00Z`));
  return {
    from: Number.isNaN(from) ? null : from,
    to: Number.isNaN(to) ? null : to + WHOLE_DAY,
  };
}

/**
 * Shows the events between two moments, in whole days.
 * @param {number} from
 * @param {number} to
 */
export function showRange(from, to) {
  go(withFilters(here(), { from: isoDay(from), to: isoDay(to) }));
}

/**
 * Returns the bar, and how to bring it in line with the address and the data.
 * @param {{types: boolean}} has Whether one can choose among event types, too.
 * @param {HTMLElement} [more] A further filter.
 */
export function filterBar(has, more) {
  const from = dayField("From", "from");
  const to = dayField("To", "to");
  const quick = el("div", { class: "choices", role: "group", "aria-label": "Quick range" });
  const menu = has.types ? typeMenu() : null;
  const clear = el("a", {}, "Clear filters");
  const fold = foldButton();
  const bar = el(
    "search",
    { class: "filters folded", "aria-label": "Filters", id: "filters" },
    fold.button,
    from.field,
    to.field,
    quick,
    menu?.element,
    more,
    clear,
  );

  /** @param {State} state */
  function update(state) {
    const { view, key, query } = here();
    from.update(query, state);
    to.update(query, state);
    menu?.update(query, state);
    fillQuick(quick, query, state);
    clear.href = address(view, key);
    const set = ["from", "to", "type", "status"].filter((name) => query.has(name));
    clear.hidden = set.length === 0;
    fold.update(set.length);
  }
  return { bar, update };
}

/** Returns a button that folds the filters away, which only a phone shows. */
function foldButton() {
  const attributes = { type: "button", class: "fold", "aria-expanded": "false", "aria-controls": "filters" };
  const button = el("button", attributes, "Filters");
  button.addEventListener("click", () => {
    const isFolded = button.parentElement?.classList.toggle("folded");
    button.setAttribute("aria-expanded", String(!isFolded));
  });
  const update = (/** @type {number} */ set) => {
    button.textContent = set ? `Filters (${set} set)` : "Filters";
  };
  return { button, update };
}

/**
 * @param {string} title
 * @param {"from" | "to"} name
 */
function dayField(title, name) {
  const input = el("input", { type: "date", id: `filter-${name}` });
  input.addEventListener("change", () => go(withFilters(here(), { [name]: input.value })));
  const field = el(
    "div",
    { class: "field" },
    el("label", { for: input.id }, title),
    input,
  );
  const update = (/** @type {URLSearchParams} */ query, /** @type {State} */ { first, last }) => {
    input.value = query.get(name) ?? "";
    input.min = first === null ? "" : isoDay(first);
    input.max = last === null ? "" : isoDay(last);
  };
  return { field, update };
}

/**
 * @param {HTMLElement} quick
 * @param {URLSearchParams} query
 * @param {State} state
 */
function fillQuick(quick, query, { last }) {
  const choices = LAST_DAYS.map((days) => ({
    text: `${days} days`,
    from: last === null ? null : isoDay(last - (days - 1) * WHOLE_DAY),
    to: last === null ? null : isoDay(last),
  }));
  const all = [{ text: "All", from: null, to: null }, ...choices];
  if (quick.childElementCount !== all.length) {
    quick.replaceChildren(...all.map(({ text }) => el("button", { type: "button" }, text)));
  }
  quick.querySelectorAll("button").forEach((button, index) => {
    const { from, to } = all[index];
    const chosen = query.get("from") === from && query.get("to") === to;
    button.setAttribute("aria-pressed", String(chosen && (from !== null || index === 0)));
    button.onclick = () => go(withFilters(here(), { from, to }));
  });
}

function typeMenu() {
  const list = el("fieldset", {}, el("legend", { class: "unseen" }, "Event types"));
  const summary = el("summary", {});
  const element = el("details", { class: "menu" }, summary, list);
  /** @type {Map<string, HTMLInputElement>} */
  const boxes = new Map();
  const chosen = () => [...boxes].filter(([, box]) => box.checked).map(([type]) => type);
  list.addEventListener("change", () => go(withFilters(here(), { type: chosen() })));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    element.open = false;
    summary.focus();
  });
  const closeOutside = (/** @type {Event} */ { target }) => {
    if (!(target instanceof Node && element.contains(target))) element.open = false;
  };
  // Only while it is open: the document outlives the view.
  element.addEventListener("toggle", () => {
    if (element.open) document.addEventListener("click", closeOutside);
    else document.removeEventListener("click", closeOutside);
  });

  /**
   * @param {URLSearchParams} query
   * @param {State} state
   */
  function update(query, { types }) {
    const wanted = query.getAll("type");
    for (const type of new Set([...types, ...wanted])) {
      if (boxes.has(type)) continue;
      const box = el("input", { type: "checkbox" });
      boxes.set(type, box);
      list.append(el("label", {}, box, type));
    }
    for (const [type, box] of boxes) box.checked = wanted.includes(type);
    const one = wanted.length === 1 ? wanted[0] : `${wanted.length} event types`;
    summary.textContent = wanted.length ? one : "All event types";
  }
  return { element, update };
}
