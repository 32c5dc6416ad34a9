// One user: properties now, each with when and by which event it was set, and the timeline.
import { get } from "../api.js";
import { breakable, el } from "../dom.js";
import { count, plural, time, timeInFull } from "../format.js";
import { jsonInline } from "../json.js";
import { eventLink, requestLink } from "../links.js";
import { afterArrivals, panel } from "../panel.js";
import { address, here } from "../router.js";
import { pages, table } from "../table.js";
import { factList } from "./event.js";

/** @type {import("../main.js").View} */
export const user = {
  title: "User",
  open(root, key) {
    const path = `/api/users/${encodeURIComponent(key)}`;
    const content = panel(() => get(path, { before: here().query.get("before") }), draw);
    const back = el("span", { class: "back" }, el("a", { href: address("users") }, "« All users"));
    root.firstElementChild.prepend(back);
    root.append(content.region);
    return { update: content.refresh, close: afterArrivals(content.refresh) };
  },
};

function draw({ user: known, devices, properties, timeline }) {
  return [
    el("section", { class: "card", "aria-label": "In short" }, facts(known, devices)),
    el("section", { class: "card" }, propertyTable(properties)),
    el(
      "section",
      { class: "card" },
      table("Timeline, the newest event first", TIMELINE, timeline.events),
      pages(here(), timeline.next),
    ),
  ];
}

function facts(known, devices) {
  const mono = (text) => el("span", { class: "mono" }, text);
  const list = devices.flatMap((device, index) => [index > 0 && el("br"), mono(device)]);
  const pairs = [
    ["User id", known.user_id ? mono(known.user_id) : "none: an anonymous device"],
    [devices.length === 1 ? "Device" : "Devices", list.length ? list : "none"],
    ["Events", count(known.events)],
    ["First event", known.first && timeInFull(known.first)],
    ["Last event", known.last && timeInFull(known.last)],
  ];
  return factList(pairs.filter(([, value]) => value));
}

function propertyTable(properties) {
  if (!properties.length) return el("p", {}, "No user property is set.");
  return table(
    "User properties now",
    [
      { title: "Property", head: true, cell: ({ name }) => breakable(name) },
      { title: "Value", cell: ({ value }) => jsonInline(value) },
      { title: "Set by", wide: true, cell: setBy },
      { title: "Set at (UTC)", wide: true, cell: (each) => each.set_at && time(each.set_at) },
    ],
    properties,
  );
}

function setBy({ event, type }) {
  return event === null ? type : eventLink({ number: event, type });
}

const TIMELINE = [
  { title: "Event", head: true, cell: eventLink },
  { title: "Time (UTC)", cell: (event) => time(event.time) },
  {
    title: "Changed",
    wide: true,
    cell: ({ changes }) => (changes ? plural(changes, "property", "properties") : "–"),
  },
  { title: "Request", wide: true, number: true, cell: (event) => requestLink(event.request) },
];
