// Says in words when a fault strikes and what it does.
import { bytes, count, plural } from "./format.js";

/** @param {{when?: any, do?: any, times?: number | null}} rule */
export function inWords({ when = {}, do: act = {}, times }) {
  const most = times ? `, ${times === 1 ? "once" : `${count(times)} times`} at most` : "";
  return `${capital(conditions(when))}${most}: ${actions(act)}.`;
}

/** @param {any} when */
function conditions(when) {
  const parts = [
    when.every && (when.every === 1 ? "every request" : `every ${ordinal(when.every)} request`),
    when.requests?.length && `request ${[...when.requests].join(", ")}`,
    when.probability !== undefined &&
      when.probability !== null &&
      `${count(100 * when.probability)} % of the requests`,
    when.user_id && `requests with an event of ${when.user_id}`,
    when.path && `requests to ${when.path}`,
  ].filter(Boolean);
  return parts.join(", ") || "every request";
}

/** @param {any} act */
function actions(act) {
  const parts = [
    act.read_rate && `read the body at ${bytes(act.read_rate)} a second`,
    act.delay && `wait ${plural(act.delay, "second")}`,
    act.status && `answer ${act.status}${act.raw ? " with a text that is not JSON" : ""}`,
    act.reset === "before" && "drop the connection before anything is stored",
    act.reset === "after" && "store the events, then drop the connection without an answer",
    act.cut && "cut the answer off in the middle",
    act.drop && `lose the first ${plural(act.drop, "event")}`,
    act.change && `store the first event with another ${Object.keys(act.change).join(", ")}`,
    act.double && `store the first ${plural(act.double, "event")} twice`,
  ].filter(Boolean);
  return parts.join(", ") || "nothing";
}

/** @param {number} number */
function ordinal(number) {
  const ending = ["th", "st", "nd", "rd"][number % 10] ?? "th";
  return `${number}${[11, 12, 13].includes(number % 100) ? "th" : ending}`;
}

/** @param {string} text */
function capital(text) {
  return text[0].toUpperCase() + text.slice(1);
}
