// Faults: make the local Amplitude misbehave, and stop it again.
import { get, send } from "../api.js";
import { announce, el } from "../dom.js";
import { plural } from "../format.js";
import { inWords } from "../fault-words.js";
import { jsonBlock } from "../json.js";
import { notice, problem } from "../notices.js";
import { afterArrivals, panel } from "../panel.js";
/** @import { Fault, Faults, Preset } from "../documents.js" */
/** @import { View } from "../main.js" */

const PATH = "/api/faults";
const EXAMPLE = `{
  "name": "busy",
  "when": { "every": 3 },
  "times": 5,
  "do": { "status": 503, "raw": "<h1>Busy</h1>" }
}`;

/**
 * A change of the faults, and what is said when it is done.
 * @typedef {object} Change
 * @property {"PUT" | "POST"} method
 * @property {string} path
 * @property {object} document
 * @property {string} done
 */

/** @typedef {(change: Change) => Promise<boolean>} MakeChange */

/** @type {View} */
export const faults = {
  title: "Faults",
  open(root) {
    const errors = el("div", {});
    const content = panel(() => get(PATH), draw);
    root.append(errors, content.region, ownRule((rule) => change(added(rule))));

    /**
     * Makes a change and shows the result. Returns whether it was accepted.
     * @param {Change} change
     */
    async function change({ method, path, document, done }) {
      try {
        await send(method, path, document);
        errors.replaceChildren();
        announce(done);
      } catch (error) {
        errors.replaceChildren(problem(/** @type {Error} */ (error).message));
        return false;
      } finally {
        await content.refresh();
      }
      return true;
    }

    /** @type {Fault[]} */
    let rules = [];
    /**
     * @param {object} rule
     * @returns {Change}
     */
    function added(rule) {
      const document = { rules: [...rules, rule] };
      return { method: "PUT", path: PATH, document, done: "Fault added" };
    }
    /**
     * @param {string} id
     * @returns {Change}
     */
    function removed(id) {
      const document = { rules: rules.filter((rule) => rule.id !== id) };
      return { method: "PUT", path: PATH, document, done: "Fault removed" };
    }
    /** @param {Faults} data */
    function draw(data) {
      rules = data.rules;
      return [
        ruleList(rules, change, removed),
        presetList(data.presets, (rule) => change(added(rule))),
        rules.length > 0 && asFile(rules),
      ];
    }
    return { update: content.refresh, close: afterArrivals(content.refresh) };
  },
};

/**
 * @param {Fault[]} rules
 * @param {MakeChange} change
 * @param {(id: string) => Change} removed
 */
function ruleList(rules, change, removed) {
  const title = el("h2", {}, "Active faults");
  if (!rules.length) {
    const hint = "Add one below, then send something: the next request that matches is struck.";
    return el("section", { class: "card" }, title, notice("No fault is set", el("p", {}, hint)));
  }
  const items = rules.map((rule) => {
    const { id, enabled } = rule;
    const name = nameOf(rule);
    const toggle = el("input", { type: "checkbox", role: "switch", id: `rule-${id}` });
    toggle.checked = enabled;
    toggle.addEventListener("change", () =>
      change({
        method: "POST",
        path: `${PATH}/${encodeURIComponent(id)}`,
        document: { enabled: toggle.checked },
        done: `${name} is ${toggle.checked ? "on" : "off"}`,
      }),
    );
    const remove = el(
      "button",
      { type: "button", "aria-label": `Remove ${name}`, onclick: () => change(removed(id)) },
      "Remove",
    );
    return el(
      "li",
      {},
      el("label", { class: "switch what" }, toggle, label(rule)),
      el("span", { class: "badge" }, `struck ${plural(rule.hits, "request")}`),
      remove,
    );
  });
  return el("section", { class: "card" }, title, el("ul", { class: "rules" }, items));
}

/** @param {Fault} rule */
function nameOf(rule) {
  return rule.name || inWords(rule);
}

/** @param {Fault} rule */
function label(rule) {
  if (!rule.name) return el("span", {}, inWords(rule));
  const words = el("span", { class: "muted" }, inWords(rule));
  return el("span", {}, el("strong", {}, rule.name), el("br"), words);
}

/**
 * @param {Preset[]} presets
 * @param {(rule: object) => void} add
 */
function presetList(presets, add) {
  const items = presets.map(({ title, rule }) =>
    el(
      "li",
      {},
      el("span", { class: "what" }, title, el("br"), el("span", { class: "muted" }, inWords(rule))),
      el("button", { type: "button", "aria-label": `Add ${title}`, onclick: () => add(rule) }, "Add"),
    ),
  );
  return el(
    "section",
    { class: "card" },
    el("h2", {}, "Ready-made faults"),
    el("ul", { class: "presets" }, items),
  );
}

/** @param {(rule: object) => Promise<boolean>} add */
function ownRule(add) {
  const text = el("textarea", { id: "own-rule", rows: 7, spellcheck: "false" });
  text.value = EXAMPLE;
  const error = el("div", {});
  const form = el(
    "form",
    {
      onsubmit: async (/** @type {Event} */ event) => {
        event.preventDefault();
        try {
          error.replaceChildren();
          await add(JSON.parse(text.value));
        } catch {
          error.replaceChildren(problem("This is not JSON."));
        }
      },
    },
    el("label", { for: text.id }, "As JSON: when it strikes, how often at most, what it does"),
    text,
    error,
    el("button", { class: "main" }, "Add this fault"),
  );
  return el("section", { class: "card" }, el("h2", {}, "A fault of your own"), form);
}

/** @param {Fault[]} rules */
function asFile(rules) {
  const plain = rules.map(({ id, hits, enabled, ...rule }) => rule);
  const text = JSON.stringify({ faults: plain });
  return el(
    "details",
    { class: "card", id: "faults-file" },
    el("summary", {}, "These faults as a file for ", el("code", {}, "amplitude-nami local --faults FILE")),
    jsonBlock(text, { name: "the faults file" }),
  );
}
