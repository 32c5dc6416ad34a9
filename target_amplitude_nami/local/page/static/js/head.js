// The head of a view: its title, and the way back to the list that it belongs to.
import { breakable, el } from "./dom.js";
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
 * Titles a view by what it shows, once that is known.
 * @param {HTMLElement} root The view.
 * @param {string} title
 */
export function setTitle(root, title) {
  const heading = root.querySelector("h1");
  if (!heading || heading.textContent === title) return;
  heading.replaceChildren(...breakable(title));
  document.title = titleOfPage(title);
}

/**
 * Returns the title of the browser's tab.
 * @param {string} title The view's.
 */
export function titleOfPage(title) {
  return `${title} · Local Amplitude`;
}

/**
 * Adds a control beside the title.
 * @param {HTMLElement} root The view.
 * @param {HTMLElement} control
 */
export function addToHead(root, control) {
  root.querySelector(".head")?.append(control);
}
