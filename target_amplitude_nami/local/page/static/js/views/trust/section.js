// A part of the evidence that can be folded away, and how a link opens it.
import { el } from "../../dom.js";
/** @import { Child } from "../../dom.js" */

/**
 * @param {string} name What the address calls it: `#/trust?show=name`.
 * @param {string} title
 * @param {...Child} content
 */
export function section(name, title, ...content) {
  return el(
    "details",
    { class: "card evidence", id: `evidence-${name}` },
    el("summary", {}, el("h2", {}, title)),
    el("div", {}, ...content),
  );
}

/**
 * Unfolds a section and goes to it.
 * @param {string | null} name
 */
export function reveal(name) {
  if (!name) return;
  const found = document.getElementById(`evidence-${name}`);
  if (!(found instanceof HTMLDetailsElement)) return;
  found.open = true;
  found.querySelector("summary")?.focus({ preventScroll: true });
  found.scrollIntoView({ block: "start" });
}

/**
 * Returns a text in which names, between backticks, look like code.
 * @param {string} text
 * @returns {Child[]}
 */
export function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
}
