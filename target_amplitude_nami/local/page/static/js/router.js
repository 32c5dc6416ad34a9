// Every state of the page has an address: #/view/key?filters.

/** @typedef {{view: string, key: string | null, query: URLSearchParams}} Route */

/**
 * Reads the address; an empty one means the first view.
 * @returns {Route}
 */
export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, ...key] = path.split("/");
  return {
    view: view || "trust",
    key: key.length ? unescaped(key.join("/")) : null,
    query: new URLSearchParams(query),
  };
}

/**
 * Returns the address of a view.
 * @param {string} view
 * @param {string | number | null} [key]
 * @param {URLSearchParams | Record<string, string>} [query]
 */
export function address(view, key = null, query = {}) {
  const path = key === null ? view : `${view}/${encodeURIComponent(key)}`;
  const filters = new URLSearchParams(query).toString();
  return `#/${path}${filters && `?${filters}`}`;
}

/**
 * Returns this route's address with other filters; an empty value removes a filter, and
 * other filters begin at the first page again.
 * @param {Route} route
 * @param {Record<string, string | string[] | null>} changes
 */
export function withFilters(route, changes) {
  const query = new URLSearchParams(route.query);
  for (const [name, value] of Object.entries({ before: null, ...changes })) {
    query.delete(name);
    for (const each of [value].flat()) if (each) query.append(name, each);
  }
  return address(route.view, route.key, query);
}

/** @param {string} hash */
export function go(hash) {
  location.hash = hash;
}

/** @param {string} text */
function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // An address typed by hand.
  }
}
