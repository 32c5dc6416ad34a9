// Numbers, sizes and times as people read them.
import { el } from "./dom.js";

const NUMBER = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
const DAY = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  timeZone: "UTC",
});
const MONTH = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });
const UNITS = ["bytes", "kB", "MB", "GB"];

export const HOUR = 3_600_000;
export const WHOLE_DAY = 24 * HOUR;

/** @param {number} number */
export function count(number) {
  return NUMBER.format(number);
}

/**
 * @param {number} number
 * @param {string} one
 * @param {string} [many]
 */
export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/**
 * @param {number} part
 * @param {number} whole
 */
export function percent(part, whole) {
  return whole ? `${((100 * part) / whole).toFixed(1)} %` : "–";
}

/** @param {number} number */
export function bytes(number) {
  let [size, unit] = [number, 0];
  while (size >= 1000 && unit < UNITS.length - 1) [size, unit] = [size / 1000, unit + 1];
  return `${count(size)} ${UNITS[unit]}`;
}

/**
 * Returns a time in UTC; the local time shows on hovering.
 * @param {number} ms
 */
export function time(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  const iso = date.toISOString();
  const text = iso.replace("T", " ").replace(/\.\d+Z$/, "");
  // On a narrow screen it may break between the date and the clock, and only there.
  const parts = text.split(" ").map((part) => el("span", { class: "whole" }, part));
  const title = `${LOCAL.format(date)} for you`;
  return el("time", { datetime: iso, title }, parts[0], " ", parts[1]);
}

/**
 * Returns a time in UTC with the local time in words beside it.
 * @param {number} ms
 */
export function timeInFull(ms) {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return [String(ms)];
  if (!date.getTimezoneOffset()) return [time(ms), " UTC"];
  return [time(ms), " UTC ", el("span", { class: "muted" }, `(${LOCAL.format(date)})`)];
}

/** @param {number} ms */
export function day(ms) {
  return DAY.format(ms);
}

/**
 * Returns the month of a time, with the year.
 * @param {number} ms
 */
export function month(ms) {
  return MONTH.format(ms);
}

/** @param {number} ms */
export function isoDay(ms) {
  return new Date(ms).toISOString().slice(0, 10);
}

/**
 * Names the stretch of time that a bar of a chart stands for.
 * @param {number} start
 * @param {number} bucket
 */
export function stretch(start, bucket) {
  if (bucket >= 2 * WHOLE_DAY) {
    const last = new Date(start + bucket - 1);
    return `${day(start)} – ${day(last.getTime())} ${last.getUTCFullYear()}`;
  }
  const text = new Date(start).toISOString();
  const date = `${day(start)} ${text.slice(0, 4)}`;
  return bucket >= WHOLE_DAY ? date : `${date}, ${text.slice(11, 16)}`;
}

/** @param {number} bucket */
export function per(bucket) {
  const known = new Map([
    [HOUR, "hour"],
    [WHOLE_DAY, "day"],
    [7 * WHOLE_DAY, "week"],
  ]);
  if (known.has(bucket)) return `per ${known.get(bucket)}`;
  if (bucket % WHOLE_DAY === 0) return `per ${bucket / WHOLE_DAY} days`;
  if (bucket % HOUR === 0) return `per ${bucket / HOUR} hours`;
  return `per ${plural(bucket / 60_000, "minute")}`;
}

/** Says how far the reader's clock is from UTC. */
export function zoneHint() {
  const minutes = -new Date().getTimezoneOffset();
  if (minutes === 0) return ", and so is your local time";
  const sign = minutes < 0 ? "−" : "+";
  const hours = Math.floor(Math.abs(minutes) / 60);
  const rest = String(Math.abs(minutes) % 60).padStart(2, "0");
  return `; your local time is UTC${sign}${hours}:${rest} and shows on hovering`;
}
