// One user: properties now, each with when and by which event it was set, and the timeline.
import { get } from "../api.js";
import { breakable, el } from "../dom.js";
import { count, plural, time, timeInFull } from "../format.js";
import { jsonInline } from "../json.js";
import { backLink, setTitle } from "../head.js";
import { eventLink, idWithCopy, requestLink, subscription } from "../links.js";
import { afterArrivals, panel } from "../panel.js";
import { here } from "../router.js";
import { pages, table } from "../table.js";
import { factList } from "./event.js";
/** @import { Property, UserDetails } from "../documents.js" */
/** @import { View } from "../main.js" */
/** @import { Column } from "../table.js" */

/** @type {View} */
export const user = {
  title: "User",
  open(root, key) {
    const path = `/api/users/${encodeURIComponent(key)}`;
    const show = (/** @type {UserDetails} */ details) => {
      setTitle(root, details.user.user_id ?? details.user.device_id ?? `User ${key}`);
      return draw(details);
    };
    const content = panel(() => get(path, { before: here().query.get("before") }), show);
    backLink(root, "users", "All users");
    root.append(content.region);
    return { update: content.refresh, close: afterArrivals(content.refresh) };
  },
};

/** @param {UserDetails} details */
function draw(details) {
  const { properties, platforms, timeline } = details;
  return [
    el("section", { class: "card", "aria-label": "In short" }, facts(details)),
    el("section", { class: "card" }, propertyTable(properties, platforms)),
    el(
      "section",
      { class: "card" },
      table("Timeline, the newest event first", TIMELINE, timeline.events),
      pages(here(), timeline.next),
    ),
  ];
}

/** @param {UserDetails} details */
function facts({ user: known, first, devices, nami_ids: namiIds }) {
  const others = namiIds.filter((text) => !devices.includes(text));
  const ids = (/** @type {string[]} */ list, /** @type {string} */ what) =>
    list.map((text) => idWithCopy(text, what));
  return factList([
    ["User id", known.user_id ? idWithCopy(known.user_id, "user id") : "none: an anonymous device"],
    ["Subscription", known.status !== "unknown" && subscription(known)],
    [devices.length === 1 ? "Device" : "Devices", devices.length ? ids(devices, "device id") : "none"],
    [others.length === 1 ? "Nami id" : "Nami ids", others.length > 0 && ids(others, "Nami id")],
    ["Events", count(known.events)],
    ["First event", first && timeInFull(first)],
    ["Last event", known.last && timeInFull(known.last)],
  ]);
}

/**
 * @param {Property[]} properties
 * @param {Record<string, string>} platforms
 */
function propertyTable(properties, platforms) {
  if (!properties.length) return el("p", {}, "No user property is set.");
  const list = table(
    "User properties now",
    [
      { title: "Property", head: true, cell: ({ name }) => breakable(name) },
      { title: "Value", cell: ({ value }) => [jsonInline(value), platformsIn(value, platforms)] },
      { title: "Set by", wide: true, cell: setBy },
      { title: "Set at (UTC)", wide: true, cell: (each) => each.set_at && time(each.set_at) },
    ],
    properties,
  );
  list.classList.add("stacked");
  return list;
}

/**
 * Returns the names of the platforms whose ids are in a value.
 * @param {string} value
 * @param {Record<string, string>} platforms
 */
function platformsIn(value, platforms) {
  const names = Object.entries(platforms)
    .map(([id, name]) => ({ name, at: value.indexOf(JSON.stringify(id)) }))
    .filter(({ at }) => at >= 0)
    .sort((one, other) => one.at - other.at)
    .map(({ name }) => name);
  return names.length > 0 && el("span", { class: "muted" }, ` ${names.join(", ")}`);
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
