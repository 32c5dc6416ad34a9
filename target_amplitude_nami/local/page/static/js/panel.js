// A part of a view that is loaded, drawn, and drawn anew without losing its reader.
import { el, nodes } from "./dom.js";
import { onArrival } from "./arrivals.js";
import { problem } from "./notices.js";
/** @import { Child } from "./dom.js" */

const SETTLE_TIME = 700;

/**
 * Returns a region and how to (re)load it.
 * @template T
 * @param {() => Promise<T>} load
 * @param {(data: T) => Child[]} draw
 */
export function panel(load, draw) {
  const region = el("div", { "aria-busy": "true" });
  let asked = 0;
  async function refresh() {
    const mine = ++asked;
    region.setAttribute("aria-busy", "true");
    let drawn;
    try {
      drawn = draw(await load());
    } catch (error) {
      drawn = [problem(/** @type {Error} */ (error).message, refresh)];
    }
    if (mine !== asked) return; // The answer to an older question.
    keepingPlace(region, () => region.replaceChildren(...nodes(drawn)));
    region.removeAttribute("aria-busy");
  }
  return { region, refresh };
}

/**
 * Calls back once things that arrived have settled; returns how to stop.
 * @param {() => void} callback
 */
export function afterArrivals(callback) {
  /** @type {number | undefined} */
  let timer;
  const stop = onArrival(() => {
    timer ??= setTimeout(() => {
      timer = undefined;
      callback();
    }, SETTLE_TIME);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}

/**
 * Changes a region; what had the focus or was folded open in it is so afterwards.
 * @param {HTMLElement} region
 * @param {() => void} change
 */
function keepingPlace(region, change) {
  const active = region.contains(document.activeElement) ? document.activeElement : null;
  const open = [...region.querySelectorAll("details[open][id]")].map(({ id }) => id);
  const find = (/** @type {string} */ attribute, /** @type {string | null | undefined} */ value) =>
    value ? region.querySelector(`[${attribute}="${CSS.escape(value)}"]`) : null;
  const [id, href] = [active?.id, active?.getAttribute("href")];
  change();
  for (const each of open) find("id", each)?.setAttribute("open", "");
  const focused = find("id", id) ?? find("href", href);
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
}
