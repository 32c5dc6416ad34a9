// The findings in words, the worst first, and what was found good.
import { el } from "../../dom.js";
import { prose, reveal } from "./section.js";
/** @import { Finding, Good, Severity } from "../../trust.js" */

/** @type {Record<Severity, {word: string, look: string}>} */
const SEVERITY = {
  problem: { word: "Problem", look: "bad" },
  warning: { word: "Warning", look: "warn" },
  note: { word: "Note", look: "" },
};

/** @param {Finding[]} findings */
export function foundList(findings) {
  if (!findings.length) return el("p", {}, "Everything that was checked is as it should be.");
  return el("ol", { class: "findings" }, findings.map(finding));
}

/** @param {Finding} found */
function finding({ key, severity, text, advice, evidence }) {
  const { word, look } = SEVERITY[severity];
  return el(
    "li",
    { "data-key": key },
    el("span", { class: `badge ${look}` }, word),
    el(
      "div",
      {},
      el("p", {}, el("strong", {}, prose(text))),
      el("p", { class: "muted" }, prose(advice), " ", link(key, evidence)),
    ),
  );
}

/**
 * @param {string} key
 * @param {string} address
 */
function link(key, address) {
  const shown = address.match(/^#\/trust\?show=(\w+)$/)?.[1];
  return el(
    "a",
    {
      id: `show-${key}`,
      href: address,
      // The address may be this one already.
      onclick: shown && (() => reveal(shown)),
    },
    "Show where",
  );
}

/** @param {Good[]} good */
export function goodList(good) {
  if (!good.length) return null;
  return el(
    "section",
    { class: "card", "aria-labelledby": "good" },
    el("h2", { id: "good" }, "Checked and found good"),
    el("ul", { class: "good" }, good.map(({ key, text }) => el("li", { "data-key": key }, prose(text)))),
  );
}
