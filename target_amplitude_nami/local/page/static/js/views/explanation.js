// How an event came about: a record's way through shape, filter, identity and mapping.
import { get } from "../api.js";
import { breakable, el } from "../dom.js";
import { jsonBlock, jsonInline } from "../json.js";
import { command, problem } from "../notices.js";
import { panel } from "../panel.js";
import { table } from "../table.js";
/** @import { Decision, EventDetails, ExplainedField, Explanation, Source } from "../documents.js" */
/** @import { Child } from "../dom.js" */

/** @type {Record<ExplainedField["how"], string>} */
const HOW = {
  copied: "as it is",
  renamed: "under another name",
  derived: "derived",
  known: "earlier records",
  setting: "settings",
};
const MOST_SOURCES = 4;

/**
 * Returns a part that loads an event's explanation once it is opened.
 * @param {string} key The event's number.
 */
export function explanation(key) {
  const path = `/api/events/${encodeURIComponent(key)}`;
  const content = panel(() => Promise.all([get(`${path}/explanation`), get(path)]), draw);
  content.region.append(el("p", { class: "muted" }, "Reading the input …"));
  let isLoaded = false;
  const details = el(
    "details",
    {
      class: "card explanation",
      ontoggle: () => {
        if (details.open && !isLoaded) content.refresh();
        isLoaded ||= details.open;
      },
    },
    el("summary", {}, el("h2", {}, "Explain: where each field comes from")),
    content.region,
  );
  // Nothing is being loaded before it is opened.
  content.region.removeAttribute("aria-busy");
  return details;
}

/** @param {[Explanation, EventDetails]} loaded */
function draw([explained, { sent }]) {
  if (!explained.available) return howToStart();
  if (explained.error) return [problem(explained.error)];
  const { input, line, stream, event } = explained;
  return [
    el("p", {}, `Line ${line} of ${input}, stream ${stream}.`),
    explained.outcome !== "sent" && el("p", {}, prose(whyNot(explained))),
    ...steps(explained),
    event !== null && bytes(event, sent),
  ];
}

/**
 * Returns what the steps of a record's way did to it.
 * @param {Explanation} explained
 * @returns {Child[]}
 */
export function steps(explained) {
  const { shape, identity } = explained;
  return [
    ...explained.notes.map((note) => el("p", {}, prose(note))),
    section("Shape", shape && shapeOf(shape)),
    section("Filter", explained.filter.map(decision)),
    section("Identity", identity?.why),
    section("Freshness", explained.freshness),
    section("Checks", explained.checks.map(decision)),
    explained.fields.length > 0 && fields(explained.fields),
  ];
}

/** @param {Explanation} explained */
function whyNot({ outcome, reason, reject }) {
  const why = reject ? `: ${reject.detail}` : "";
  return `With these settings it would not be sent: ${outcome} (\`${reason}\`)${why}.`;
}

/**
 * @param {string} title
 * @param {Child[] | null | undefined} lines
 */
function section(title, lines) {
  if (!lines?.length) return null;
  const items = lines.map((line) => el("li", {}, prose(line)));
  return [el("h3", {}, title), el("ul", {}, items)];
}

/** @param {{kind: string, forms: string[]}} shape */
function shapeOf({ kind, forms }) {
  const what = kind === "user" ? "a user record of Nami" : "an event of Nami";
  return [what, ...(forms.length ? forms : ["as Nami sends it"])];
}

/**
 * Returns a line in which the names of settings, between backticks, look like code.
 * @param {Child} line
 * @returns {Child}
 */
export function prose(line) {
  if (typeof line !== "string") return line;
  return line.split("`").map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

/**
 * @param {Decision} decision
 * @returns {Child}
 */
function decision({ passed, what }) {
  return [el("span", { class: `badge ${passed ? "good" : "bad"}` }, passed ? "yes" : "no"), " ", prose(what)];
}

/** @param {ExplainedField[]} rows */
function fields(rows) {
  return table(
    "Fields of the event",
    [
      { title: "Field", head: true, cell: ({ name }) => breakable(name) },
      { title: "Value", cell: ({ value }) => jsonInline(value) },
      { title: "From", cell: ({ sources }) => from(sources) },
      { title: "How", wide: true, cell: howText },
    ],
    rows,
  );
}

/** @param {ExplainedField} field */
function howText({ how, note }) {
  return note ? `${HOW[how]}: ${note}` : HOW[how];
}

/** @param {Source[]} sources */
export function from(sources) {
  const shown = sources.slice(0, MOST_SOURCES).map(({ path, value }) =>
    el("div", {}, el("span", { class: "mono" }, breakable(path)), " = ", jsonInline(value)),
  );
  const more = sources.length - shown.length;
  return [...shown, more > 0 && el("div", { class: "muted" }, `and ${more} more`)];
}

/**
 * @param {string} event
 * @param {string} sent
 */
function bytes(event, sent) {
  if (event === sent) return el("p", {}, "These are exactly the bytes that have arrived.");
  return [
    el("h3", {}, "What arrived is different"),
    el("p", {}, "The settings or the input are not those of the run that sent it. Now it would be:"),
    jsonBlock(event, { name: "the event as it would be sent now" }),
  ];
}

function howToStart() {
  return [
    el("p", {}, "Start the local Amplitude with the input that the events came from:"),
    command("amplitude-nami local --input input.singer --config config.json"),
  ];
}
