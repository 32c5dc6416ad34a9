// Makes elements. Text gets onto the page through text nodes only, never as markup.

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * Returns a new element.
 * @param {string} name
 * @param {Record<string, unknown>} [properties] Attributes; `true` sets an empty one,
 *   null, undefined and false set none; `onclick` and the like take a function.
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...nodes(children));
  return element;
}

/**
 * Returns what of the children is there, ready for `append` and `replaceChildren`.
 * @param {(Child | Child[])[]} children
 * @returns {(Node | string)[]}
 */
export function nodes(children) {
  return children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * Returns a dotted or underscored name that may break after its dots and underscores.
 * @param {string} name
 */
export function breakable(name) {
  const parts = name.split(/(?<=[._])/);
  return parts.flatMap((part, index) => (index ? [el("wbr"), part] : [part]));
}

/**
 * Says something to those who listen to the page instead of looking at it.
 * @param {string} text
 */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
