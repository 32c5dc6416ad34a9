// A part of a view that is loaded, drawn, and drawn anew without losing its reader.
import { el, nodes } from "./dom.js";
import { onArrival } from "./arrivals.js";
import { problem } from "./notices.js";

const SETTLE_TIME = 700;

/**
 * Returns a region and how to (re)load it.
 * @template T
 * @param {() => Promise<T>} load
 * @param {(data: T) => import("./dom.js").Child[]} draw
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
      drawn = [problem(error.message, refresh)];
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
  let timer = null;
  const stop = onArrival(() => {
    timer ??= setTimeout(() => {
      timer = null;
      callback();
    }, SETTLE_TIME);
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}

/** Changes a region; what had the focus or was folded open in it is so afterwards. */
function keepingPlace(region, change) {
  const active = region.contains(document.activeElement) ? document.activeElement : null;
  const open = [...region.querySelectorAll("details[open][id]")].map(({ id }) => id);
  const find = (attribute, value) =>
    value && region.querySelector(`[${attribute}="${CSS.escape(value)}"]`);
  const [id, href] = [active?.id, active?.getAttribute("href")];
  change();
  for (const each of open) find("id", each)?.setAttribute("open", "");
  (find("id", id) || find("href", href))?.focus({ preventScroll: true });
}
