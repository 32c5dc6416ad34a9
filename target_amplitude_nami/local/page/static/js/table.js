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
 * @property {string} [sort] By what the list is sorted that this column's title links to.
 */

/**
 * How a list is sorted.
 * @typedef {object} Sorting
 * @property {string} key The column's `sort`.
 * @property {boolean} descending
 * @property {(key: string, descending: boolean) => string} address Of the list, sorted so.
 */

/**
 * @param {string} caption
 * @param {Column[]} columns
 * @param {any[]} rows
 * @param {{hidden?: boolean, sorting?: Sorting}} [options] `hidden` shows the caption to
 *   listeners only.
 */
export function table(caption, columns, rows, { hidden = false, sorting } = {}) {
  const heads = columns.map((column) => columnHead(column, sorting));
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
 * @param {Column} column
 * @param {Sorting} [sorting]
 */
function columnHead(column, sorting) {
  const { title, sort } = column;
  if (!sort || !sorting) return el("th", { scope: "col", class: classes(column) }, title);
  const isSorted = sort === sorting.key;
  const turned = isSorted ? !sorting.descending : sort !== "name";
  const order = isSorted && (sorting.descending ? "descending" : "ascending");
  return el(
    "th",
    { scope: "col", class: classes(column), "aria-sort": order },
    el("a", { href: sorting.address(sort, turned), id: `sort-${sort}`, class: "sort" }, title),
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
 * Returns links to the first and the next page of a list, if there are such.
 * @param {Route} route
 * @param {string | null} next The cursor of the next page.
 * @param {{first: string, next: string}} [texts]
 */
export function pages(route, next, texts = { first: "« Newest", next: "Older »" }) {
  const isLater = route.query.has("before");
  if (!isLater && !next) return null;
  const link = (/** @type {string} */ text, /** @type {string | null} */ before) =>
    el("a", { href: withFilters(route, { before }) }, text);
  return el(
    "nav",
    { class: "pages", "aria-label": "Pages" },
    isLater ? link(texts.first, null) : el("span"),
    next && link(texts.next, next),
  );
}

const LOOKS = /** @type {const} */ (["number", "short", "wide", "bar"]);

/** @param {Column} column */
function classes(column) {
  return LOOKS.filter((look) => column[look]).join(" ") || null;
}
