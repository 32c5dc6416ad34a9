// Tables with a caption and headers, and the links from one page of a list to the next.
import { el } from "./dom.js";
import { withFilters } from "./router.js";
/** @import { Child } from "./dom.js" */
/** @import { Route } from "./router.js" */

/**
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: any) => Child} cell
 * @property {boolean} [number] Aligned to the right.
 * @property {boolean} [short] Never broken into lines.
 * @property {boolean} [wide] Left out on a phone.
 * @property {boolean} [head] The cell names its row.
 * @property {boolean} [bar] The cell draws a share.
 */

/**
 * @param {string} caption
 * @param {Column[]} columns
 * @param {any[]} rows
 * @param {{hidden?: boolean}} [options] `hidden` shows the caption to listeners only.
 */
export function table(caption, columns, rows, { hidden = false } = {}) {
  const heads = columns.map((column) =>
    el("th", { scope: "col", class: classes(column) }, column.title),
  );
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", { class: hidden && "unseen" }, caption),
      el("thead", {}, el("tr", {}, heads)),
      el("tbody", {}, rows.map((each) => row(columns, each))),
    ),
  );
}

/**
 * @param {Column[]} columns
 * @param {any} data
 */
export function row(columns, data) {
  const cells = columns.map((column) => {
    const name = column.head ? "th" : "td";
    const scope = column.head && "row";
    return el(name, { class: classes(column), scope }, [column.cell(data)].flat());
  });
  return el("tr", {}, cells);
}

/**
 * Returns links to the newest and the next older page of a list, if there are such.
 * @param {Route} route
 * @param {string | null} next The cursor of the older page.
 */
export function pages(route, next) {
  const newest = route.query.has("before");
  if (!newest && !next) return null;
  const link = (/** @type {string} */ text, /** @type {string | null} */ before) =>
    el("a", { href: withFilters(route, { before }) }, text);
  return el(
    "nav",
    { class: "pages", "aria-label": "Pages" },
    newest ? link("« Newest", null) : el("span"),
    next && link("Older »", next),
  );
}

const LOOKS = /** @type {const} */ (["number", "short", "wide", "bar"]);

/** @param {Column} column */
function classes(column) {
  return LOOKS.filter((look) => column[look]).join(" ") || null;
}
