// What the page calls things for which the API has a key.

/** @type {Record<import("./documents.js").UserRow["kind"], string>} */
export const KINDS = { user: "user", device: "anonymous device" };

/** @type {Record<import("./documents.js").UserRow["status"], string>} */
export const STATUSES = {
  unknown: "unknown",
  never: "not subscribed",
  former: "former subscriber",
  trial: "in a trial",
  intro: "introductory offer",
  active: "active",
  cancelled: "cancelled",
  grace: "in grace period",
  account_hold: "on account hold",
  paused: "paused",
};

/** @type {Record<import("./documents.js").FaultyEvent["why"], string>} */
export const COMPLAINTS = {
  missing: "missing",
  invalid: "not valid",
  short: "too short",
  forbidden: "not allowed as an id",
  throttled: "too many events of this user or device",
  silenced: "its device is silenced",
};
