// Makes elements. Text gets onto the page through text nodes only, never as markup.

/** @typedef {Node | string | number | null | undefined | false | Child[]} Child */

/**
 * Returns a new element.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, unknown>} [properties] Attributes; `true` sets an empty one,
 *   null, undefined and false set none; `onclick` and the like take a function.
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function el(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") {
      element.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    } else {
      element.setAttribute(key, value === true ? "" : String(value));
    }
  }
  element.append(...nodes(children));
  return element;
}

/**
 * Returns what of the children is there, ready for `append` and `replaceChildren`.
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
export function nodes(children) {
  return children.flatMap((child) => {
    if (child === null || child === undefined || child === false) return [];
    if (Array.isArray(child)) return nodes(child);
    return [child instanceof Node ? child : String(child)];
  });
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
 * Returns the element of an id that the page always has.
 * @param {string} id
 */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Says something to those who listen to the page instead of looking at it.
 * @param {string} text
 */
export function announce(text) {
  byId("announcer").textContent = text;
}
