// One reject: why the record on a line of the rejects file was rejected, and what to do.
import { get } from "../api.js";
import { el } from "../dom.js";
import { time } from "../format.js";
import { backLink, setTitle } from "../head.js";
import { jsonBlock } from "../json.js";
import { command, notice, problem } from "../notices.js";
import { panel } from "../panel.js";
import { factList } from "./event.js";
import { from, prose, steps } from "./explanation.js";
/** @import { Explanation, Reject } from "../documents.js" */
/** @import { View } from "../main.js" */

/** @type {View} */
export const reject = {
  title: "Reject on line",
  numbered: true,
  open(root, key) {
    const path = `/api/rejects/${encodeURIComponent(key)}/explanation`;
    const show = (/** @type {Explanation} */ explained) => {
      const { earlier, reject: now } = explained;
      const reason = earlier?.reason ?? now?.reason;
      if (reason) setTitle(root, `Rejected: ${reason}`);
      return draw(explained);
    };
    const content = panel(() => get(path), show);
    content.region.append(el("p", { class: "muted" }, "Reading the rejects file …"));
    backLink(root, "trust", "All findings");
    root.append(content.region);
    return { update: content.refresh };
  },
};

/** @param {Explanation} explained */
function draw(explained) {
  if (!explained.available) return [howToStart()];
  if (explained.error) return [problem(explained.error)];
  const { earlier, reject: now, record } = explained;
  return [
    el("section", { class: "card", "aria-label": "In short" }, facts(explained, earlier ?? now)),
    record &&
      el(
        "section",
        { class: "card" },
        el("h2", {}, "The record"),
        jsonBlock(record, { name: "the record", mark: (earlier ?? now)?.field ?? null }),
      ),
    el(
      "section",
      { class: "card explanation" },
      el("h2", {}, "What would become of it now"),
      el("p", {}, prose(outcome(explained))),
      ...steps(explained),
    ),
    el(
      "section",
      { class: "card" },
      el("h2", {}, "In a terminal"),
      command(explained.command ?? ""),
    ),
  ];
}

/**
 * @param {Explanation} explained
 * @param {Reject | null} why
 */
function facts({ input, line, stream, event_type: type }, why) {
  const at = why?.at && Date.parse(why.at);
  return factList([
    ["Event type", type],
    ["Where", `Line ${line} of ${input}, stream ${stream}`],
    ["Reason", why && el("code", {}, why.reason)],
    ["Rejected", at && [time(at), " UTC"]],
    ["Field", why?.field && el("code", {}, why.field)],
    ["Why", why && prose(why.detail)],
    ["Found", why && why.found.length > 0 && from(why.found)],
    ["What to change", why && prose(why.advice)],
  ]);
}

/** @param {Explanation} explained */
function outcome({ outcome: now, reason, reject: why, earlier, advice }) {
  if (now === "sent") return "It would be sent: `amplitude-nami retry` delivers it.";
  if (why && why.reason === earlier?.reason) return `It is still rejected: ${why.detail}.`;
  if (why) return `It would be rejected for another reason (\`${reason}\`): ${why.detail}.`;
  return `It would not be sent: ${now} (\`${reason}\`). ${advice}`;
}

function howToStart() {
  return notice(
    "The rejects file is not known here",
    el("p", {}, "Start the local Amplitude with it, and with the settings of the run:"),
    command("amplitude-nami local --rejects output/rejects.singer --config config.json"),
  );
}
