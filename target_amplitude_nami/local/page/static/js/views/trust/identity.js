// Who events name: users, devices alone, and ids that several users have.
import { breakable, el } from "../../dom.js";
import { count, percent } from "../../format.js";
import { id, userLink } from "../../links.js";
import { address } from "../../router.js";
import { table } from "../../table.js";
import { section } from "./section.js";
/** @import { Evidence, SharedId, TypeIdentity } from "../../trust.js" */

/** @param {Evidence} evidence */
export function identity({ identity: found, user_source: source }) {
  const name = source === "external_id" ? "External ID" : "User id";
  return section(
    "identity",
    "Who the events name",
    table(
      `Events with ${name === "User id" ? "a user id" : "an External ID"}, and with a device alone`,
      [
        { title: "Event type", head: true, cell: typeLink },
        { title: "Events", number: true, cell: ({ events }) => count(events) },
        { title: name, number: true, cell: ({ with_user: n }) => count(n) },
        { title: "Device alone", number: true, cell: ({ device_alone: n }) => count(n) },
        {
          title: "Share alone",
          number: true,
          cell: (/** @type {TypeIdentity} */ row) => percent(row.device_alone, row.events),
        },
      ],
      found.types,
    ),
    el(
      "dl",
      { class: "facts" },
      el("dt", {}, "Users with an id"),
      el("dd", {}, count(found.user_ids)),
      el("dt", {}, "Devices on which nobody logged in"),
      el("dd", {}, count(found.devices_alone)),
      el("dt", {}, "Devices with several user ids"),
      el("dd", {}, count(found.shared_devices)),
      el("dt", {}, "Nami users with several user ids"),
      el(
        "dd",
        {},
        found.has_nami_ids
          ? count(found.nami_users_with_several_ids)
          : [
              "Not known: the events do not carry ",
              el("code", {}, "namiml_user_id"),
              ". The setting ",
              el("code", {}, "extra_user_properties"),
              " adds it.",
            ],
      ),
    ),
    shared("Devices with several user ids", "Device", found.devices),
    shared("Nami users with several user ids", "Nami user", found.nami_users),
  );
}

/** @param {{type: string}} row */
function typeLink({ type }) {
  return el("a", { href: address("live", null, { type }) }, breakable(type));
}

/**
 * @param {string} caption
 * @param {string} title
 * @param {SharedId[]} rows
 */
function shared(caption, title, rows) {
  if (!rows.length) return null;
  return table(
    caption,
    [
      { title, head: true, cell: (/** @type {SharedId} */ row) => id(row.id) ?? "–" },
      { title: "User ids", number: true, cell: (/** @type {SharedId} */ row) => count(row.count) },
      {
        title: "Some of them",
        cell: (/** @type {SharedId} */ row) =>
          row.users.map(([user, name]) =>
            el("div", {}, userLink({ user, user_id: name, device_id: `user ${user}` })),
          ),
      },
    ],
    rows,
  );
}
