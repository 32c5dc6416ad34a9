// Trust: whether what a pipeline sends can be relied on, and the figures behind that.
import { get } from "../api.js";
import { el } from "../dom.js";
import { plural } from "../format.js";
import { nothingYet } from "../notices.js";
import { afterArrivals, panel } from "../panel.js";
import { foundList, goodList } from "./trust/findings.js";
import { identity } from "./trust/identity.js";
import { completeness, properties } from "./trust/properties.js";
import { rejects, report } from "./trust/run.js";
import { money, order, types } from "./trust/events.js";
import { reveal } from "./trust/section.js";
/** @import { Trust } from "../trust.js" */
/** @import { View } from "../main.js" */

/** @type {View} */
export const trust = {
  title: "Trust",
  open(root) {
    const content = panel(() => get("/api/trust"), draw);
    root.append(content.region);
    return {
      update: async ({ query }) => {
        await content.refresh();
        reveal(query.get("show"));
      },
      close: afterArrivals(content.refresh),
    };
  },
};

/** @param {Trust} loaded */
function draw({ findings, good, evidence, properties: byType }) {
  if (!evidence.events && !evidence.rejects && !evidence.report) {
    return [nothingYet("No event has arrived yet")];
  }
  return [
    el(
      "section",
      { class: "card", "aria-labelledby": "findings" },
      el(
        "div",
        { class: "row between" },
        el("h2", { id: "findings" }, inWords(findings, evidence.events)),
        el("a", { href: "/api/findings" }, "As JSON"),
      ),
      foundList(findings),
    ),
    goodList(good),
    identity(evidence),
    completeness(evidence.completeness),
    properties(byType),
    order(evidence.timeliness),
    types(evidence.other_types),
    money(evidence.money),
    rejects(evidence.rejects),
    report(evidence.report),
  ];
}

/**
 * @param {Trust["findings"]} findings
 * @param {number} events
 */
function inWords(findings, events) {
  const of = (/** @type {string} */ severity) =>
    findings.filter((each) => each.severity === severity).length;
  const counts = /** @type {[number, string][]} */ ([
    [of("problem"), "problem"],
    [of("warning"), "warning"],
    [of("note"), "note"],
  ]);
  const found = counts.filter(([number]) => number).map((each) => plural(...each));
  return `${found.join(", ") || "Nothing wrong"} in ${plural(events, "event")}`;
}
