// One user: properties now, each with when and by which event it was set, and the timeline.
import { get } from "../api.js";
import { breakable, el } from "../dom.js";
import { count, plural, time, timeInFull } from "../format.js";
import { jsonInline } from "../json.js";
import { backLink } from "../head.js";
import { eventLink, requestLink } from "../links.js";
import { afterArrivals, panel } from "../panel.js";
import { here } from "../router.js";
import { pages, table } from "../table.js";
import { factList } from "./event.js";
/** @import { Property, UserDetails, UserRow } from "../documents.js" */
/** @import { View } from "../main.js" */
/** @import { Column } from "../table.js" */

/** @type {View} */
export const user = {
  title: "User",
  open(root, key) {
    const path = `/api/users/${encodeURIComponent(key)}`;
    const content = panel(() => get(path, { before: here().query.get("before") }), draw);
    backLink(root, "users", "All users");
    root.append(content.region);
    return { update: content.refresh, close: afterArrivals(content.refresh) };
  },
};

/** @param {UserDetails} details */
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

/**
 * @param {UserRow} known
 * @param {string[]} devices
 */
function facts(known, devices) {
  const mono = (/** @type {string} */ text) => el("span", { class: "mono" }, text);
  const list = devices.flatMap((device, index) => [index > 0 && el("br"), mono(device)]);
  return factList([
    ["User id", known.user_id ? mono(known.user_id) : "none: an anonymous device"],
    [devices.length === 1 ? "Device" : "Devices", list.length ? list : "none"],
    ["Events", count(known.events)],
    ["First event", known.first && timeInFull(known.first)],
    ["Last event", known.last && timeInFull(known.last)],
  ]);
}

/** @param {Property[]} properties */
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

/** @param {Property} property */
function setBy({ event, type }) {
  return event === null || type === null ? type : eventLink({ number: event, type });
}

/** @type {Column[]} */
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
