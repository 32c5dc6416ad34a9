// Gives each event type its look, a colour with a texture, the same under every filter.

/** @typedef {"plain" | "rising" | "falling" | "dots" | "cross"} Texture */
/** @typedef {"device" | "journey" | "subscription" | "other"} Group */

/**
 * @typedef {object} Look
 * @property {Group} group
 * @property {number} colour From 1; 0 is grey, which several types may share.
 * @property {Texture} texture
 */

/** @type {Texture[]} */
const TEXTURES = ["plain", "rising", "dots", "falling", "cross"];

// Types of one colour mean much the same: green brings money, yellow interrupts it, orange
// and red end it.
/** @type {[string, Group, number, Texture][]} */
const KNOWN = [
  ["device.impression", "device", 1, "plain"],
  ["device.transaction", "device", 1, "rising"],
  ["device.session.start", "device", 1, "dots"],
  ["device.session.end", "device", 1, "cross"],
  ["user.journey.trial.started", "journey", 7, "plain"],
  ["user.journey.trial.converted", "journey", 7, "rising"],
  ["user.journey.trial.did_not_convert", "journey", 7, "dots"],
  ["user.subscription.purchased", "subscription", 3, "plain"],
  ["user.subscription.renewed", "subscription", 3, "rising"],
  ["user.subscription.renewal_in_grace_period", "subscription", 3, "dots"],
  ["user.subscription.resumed", "subscription", 3, "cross"],
  ["user.subscription.in_grace_period", "subscription", 4, "plain"],
  ["user.subscription.paused", "subscription", 4, "rising"],
  ["user.subscription.cancelled", "subscription", 2, "plain"],
  ["user.subscription.expired", "subscription", 8, "plain"],
  ["purchase.updated", "subscription", 6, "plain"],
];
const FREE = [5, 6].flatMap((colour) =>
  TEXTURES.filter((texture) => colour !== 6 || texture !== "plain").map((texture) => ({ colour, texture })),
);
/** @type {Look} */
const GREY = { group: "other", colour: 0, texture: "plain" };

/** @type {Map<string, Look>} */
const given = new Map();

/**
 * Returns the look of each type of a file, in the order of charts and their legends.
 * @param {string[]} types All that the file has, whatever is shown of them.
 * @returns {Map<string, Look>}
 */
export function looksOf(types) {
  for (const type of types) if (!given.has(type)) given.set(type, lookOf(type));
  const placed = types.map((type) => /** @type {const} */ ([type, given.get(type) ?? GREY]));
  const groups = ["device", "journey", "subscription", "other"];
  placed.sort(
    ([one, { group }], [other, { group: otherGroup }]) =>
      groups.indexOf(group) - groups.indexOf(otherGroup) ||
      placeOf(one) - placeOf(other) ||
      one.localeCompare(other),
  );
  return new Map(placed);
}

/**
 * Returns the class of a swatch.
 * @param {number} colour
 * @param {Texture} [texture]
 */
export function swatchClass(colour, texture = "plain") {
  return `swatch c${colour}${texture === "plain" ? "" : ` ${texture}`}`;
}

/**
 * Returns what a canvas fills with to draw a colour with a texture.
 * @param {CanvasRenderingContext2D} context
 * @param {string} colour
 * @param {Texture} texture
 * @param {string} ink The colour of the texture's lines.
 */
export function filling(context, colour, texture, ink) {
  if (texture === "plain") return colour;
  const size = Math.round(6 * devicePixelRatio);
  const tile = new OffscreenCanvas(size, size);
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (tile.getContext("2d"));
  pen.fillStyle = colour;
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = size / 4;
  // Beyond the edges, so that the corners of neighbouring tiles meet.
  const lines = { rising: [1], falling: [-1], cross: [1, -1], dots: [] }[texture];
  for (const slope of lines) {
    for (const shift of [-size, 0, size]) {
      pen.moveTo(shift - size, slope > 0 ? size * 2 : -size);
      pen.lineTo(shift + size * 2, slope > 0 ? -size : size * 2);
    }
  }
  pen.stroke();
  if (texture === "dots") {
    pen.arc(size / 2, size / 2, size / 4, 0, 2 * Math.PI);
    pen.fill();
  }
  return context.createPattern(tile, "repeat") ?? colour;
}

/**
 * @param {string} type
 * @returns {Look}
 */
function lookOf(type) {
  const taken = [...given.values()];
  const isFree = (/** @type {{colour: number, texture: Texture}} */ look) =>
    !taken.some(({ colour, texture }) => colour === look.colour && texture === look.texture);
  const known = KNOWN[placeOf(type)];
  if (known) {
    const [, group, colour, texture] = known;
    if (isFree({ colour, texture })) return { group, colour, texture };
  }
  const free = FREE.find(isFree);
  return free ? { group: "other", ...free } : GREY;
}

/**
 * Returns the place of a type among the known ones, whatever prefix it has.
 * @param {string} type
 */
function placeOf(type) {
  const place = KNOWN.findIndex(([name]) => type.endsWith(name));
  return place < 0 ? KNOWN.length : place;
}
