// Weeks that the data covers in part only, and tables that can be folded open.
import { el } from "../../dom.js";
import { day, WHOLE_DAY } from "../../format.js";

/**
 * Returns which of the buckets begin before the data or end after it.
 * @param {number[]} starts
 * @param {number} bucket
 * @param {{since: number | null, until: number | null}} range
 */
export function partial(starts, bucket, { since, until }) {
  if (bucket <= WHOLE_DAY || since === null || until === null) return starts.map(() => false);
  return starts.map((start) => start < since || start + bucket > until);
}

/** Says what a faded bar means. */
export function partialNote() {
  return el("p", { class: "muted" }, "Faded: a week of which only some days are in the data.");
}

/**
 * Says from when to when the data is.
 * @param {{since: number | null, until: number | null}} range
 */
export function span({ since, until }) {
  if (since === null || until === null) return "";
  return `${day(since)} to ${day(until - 1)}`;
}

/**
 * Returns something that is made when it is folded open.
 * @param {string} id
 * @param {string} title
 * @param {() => HTMLElement} make
 */
export function fold(id, title, make) {
  const details = el("details", { class: "numbers", id }, el("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(make());
  });
  return details;
}
