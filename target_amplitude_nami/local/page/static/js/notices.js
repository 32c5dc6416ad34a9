// What to show when there is nothing to show: why, and what to do.
import { el } from "./dom.js";
import { copyButton } from "./copy.js";
/** @import { Child } from "./dom.js" */

/**
 * @param {string} message
 * @param {() => void} [again]
 */
export function problem(message, again) {
  const button = again && el("button", { type: "button", onclick: again }, "Try again");
  return el("div", { class: "problem between row", role: "alert" }, message, button);
}

/**
 * @param {string} title
 * @param {...Child} content
 */
export function notice(title, ...content) {
  return el("div", { class: "notice" }, el("h2", {}, title), ...content);
}

/**
 * Says that nothing has arrived, and how to make something arrive.
 * @param {string} title
 */
export function nothingYet(title) {
  const origin = location.origin;
  const event = '{"api_key":"local","events":[{"user_id":"alice-1","event_type":"hello"}]}';
  return notice(
    title,
    el("p", {}, "Send one event by hand:"),
    command(`curl ${origin}/2/httpapi -H 'Content-Type: application/json' -d '${event}'`),
    el("p", {}, "Or let a pipeline deliver here, such as the sample's:"),
    command(
      `export TARGET_AMPLITUDE_NAMI_API_KEY=local\n` +
        `export TARGET_AMPLITUDE_NAMI_ENDPOINT=${origin}/2/httpapi\n` +
        `meltano run --full-refresh tap-nami target-amplitude-nami`,
    ),
  );
}

/**
 * Shows a command, with a button that copies it.
 * @param {string} text
 */
export function command(text) {
  return el("div", { class: "command" }, el("pre", {}, text), copyButton(text, "command"));
}
