// The head of a view: its title, and the way back to the list that it belongs to.
import { el } from "./dom.js";
import { address } from "./router.js";

/**
 * Adds a link back to a list.
 * @param {HTMLElement} root The view.
 * @param {string} view
 * @param {string} text
 */
export function backLink(root, view, text) {
  const link = el("span", { class: "back" }, el("a", { href: address(view) }, `« ${text}`));
  root.querySelector(".head")?.prepend(link);
}

/**
 * Adds a control beside the title.
 * @param {HTMLElement} root The view.
 * @param {HTMLElement} control
 */
export function addToHead(root, control) {
  root.querySelector(".head")?.append(control);
}
