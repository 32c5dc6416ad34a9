// Which properties events carry: Nami's eight on user events, and all by event type.
import { breakable, el } from "../../dom.js";
import { count, percent, plural } from "../../format.js";
import { jsonInline } from "../../json.js";
import { address } from "../../router.js";
import { table } from "../../table.js";
import { section } from "./section.js";
/** @import { Completeness, Property, TypeProperties } from "../../trust.js" */

const SCOPE = { field: "event field", event: "event property", user: "user property" };

/** @param {Completeness[]} rows */
export function completeness(rows) {
  const { events } = rows[0];
  const caption = `Nami's eight user properties on ${plural(events, "user event")}`;
  return section(
    "completeness",
    "How complete user properties are",
    table(
      caption,
      [
        { title: "User property", head: true, cell: ({ name }) => breakable(name) },
        { title: "Events", number: true, cell: ({ present }) => count(present) },
        {
          title: "Share",
          number: true,
          cell: (/** @type {Completeness} */ row) => percent(row.present, row.events),
        },
        { title: "Values", cell: values },
        {
          title: "Example",
          wide: true,
          cell: (/** @type {Completeness} */ { example }) => eventLink(example),
        },
      ],
      rows,
    ),
  );
}

/** @param {Completeness} row */
function values({ present, empty, true: truths, wrong_type: wrong, is_constant: equal }) {
  if (!present) return el("span", { class: "badge bad" }, "never seen");
  const parts = [];
  if (equal) parts.push("always equal");
  if (empty) parts.push(empty === present ? "always empty" : `${count(empty)} empty`);
  if (truths) parts.push(`${count(truths)} true`);
  if (wrong) parts.push(`${count(wrong)} of the wrong type`);
  return parts.join(", ") || "different ones";
}

/** @param {TypeProperties[]} types */
export function properties(types) {
  return section(
    "properties",
    "Properties by event type",
    types.map(({ type, events, properties: rows }, index) =>
      el(
        "details",
        { id: `properties-${index}` },
        el("summary", {}, breakable(type), ` (${plural(events, "event")})`),
        table(`Properties of ${type}`, columns(events), rows, { hidden: true }),
      ),
    ),
  );
}

/**
 * @param {number} events
 * @returns {import("../../table.js").Column[]}
 */
function columns(events) {
  return [
    { title: "Name", head: true, cell: ({ name }) => breakable(name) },
    {
      title: "Kind",
      wide: true,
      cell: (/** @type {Property} */ { scope }) => SCOPE[scope],
    },
    {
      title: "Present",
      number: true,
      cell: (/** @type {Property} */ { present }) => percent(present, events),
    },
    {
      title: "Types",
      cell: (/** @type {Property} */ { types }) => Object.keys(types).join(", ") || "null",
    },
    { title: "Example", cell: example },
  ];
}

/** @param {Property} property */
function example({ example: text, event, is_constant: equal, present }) {
  if (text === null) return "–";
  const always = equal && present > 1 && el("span", { class: "muted" }, " always");
  const shown = text.endsWith("…") ? el("code", {}, text) : jsonInline(text);
  return [shown, always, " ", eventLink(event)];
}

/** @param {number | null} number */
function eventLink(number) {
  return number && el("a", { href: address("live", number) }, `event ${number}`);
}
