// One event: as it was sent, as Amplitude would store it, and what it changed.
import { get } from "../api.js";
import { breakable, el } from "../dom.js";
import { timeInFull } from "../format.js";
import { jsonBlock, jsonInline } from "../json.js";
import { requestLink, userLink } from "../links.js";
import { panel } from "../panel.js";
import { address } from "../router.js";
import { table } from "../table.js";
import { explanation } from "./explanation.js";

/** @type {import("../main.js").View} */
export const event = {
  title: "Event",
  numbered: true,
  open(root, key) {
    const content = panel(() => get(`/api/events/${encodeURIComponent(key)}`), draw);
    const back = el("span", { class: "back" }, el("a", { href: address("live") }, "« All events"));
    root.firstElementChild.prepend(back);
    root.append(content.region, explanation(key));
    return { update: content.refresh };
  },
};

function draw({ row, sent, stored, property_changes: changes }) {
  return [
    el("section", { class: "card", "aria-label": "In short" }, facts(row)),
    el(
      "div",
      { class: "pair" },
      el(
        "section",
        { class: "card" },
        el("h2", {}, "As it was sent"),
        jsonBlock(sent, { name: "the event as it was sent" }),
      ),
      el(
        "section",
        { class: "card" },
        el("h2", {}, "As Amplitude would store it"),
        jsonBlock(stored, { name: "the event as stored" }),
      ),
    ),
    el("section", { class: "card" }, changeTable(changes)),
  ];
}

function facts(row) {
  const pairs = [
    ["Event type", el("strong", {}, row.type)],
    ["User", userLink(row)],
    ["Device id", row.device_id && el("span", { class: "mono" }, row.device_id)],
    ["Insert id", row.insert_id && el("span", { class: "mono" }, row.insert_id)],
    ["Time", timeInFull(row.time)],
    ["Arrived", timeInFull(row.uploaded)],
    ["Request", requestLink(row.request)],
  ];
  return factList(pairs.filter(([, value]) => value));
}

/** @param {[string, import("../dom.js").Child | import("../dom.js").Child[]][]} pairs */
export function factList(pairs) {
  const items = pairs.flatMap(([name, value]) => [
    el("dt", {}, name),
    el("dd", {}, [value].flat()),
  ]);
  return el("dl", { class: "facts" }, items);
}

function changeTable(changes) {
  if (!changes.length) return el("p", {}, "It changed no user property.");
  return table(
    "User properties that it changed",
    [
      { title: "Property", head: true, cell: ({ name }) => breakable(name) },
      { title: "Before", cell: ({ before }) => jsonInline(before) },
      { title: "After", cell: ({ after }) => jsonInline(after) },
    ],
    changes,
  );
}
