// Gives event types their colours, the same ones for as long as the page is open.

/** As many as an eye can tell apart; the types beyond them are drawn as one, in grey. */
export const COLOURS = 8;

/** @type {Map<string, number>} */
const remembered = new Map();

/**
 * Returns a colour number from 1 for each of the first types, and 0 for the rest.
 * @param {string[]} types The most frequent first.
 * @returns {Map<string, number>}
 */
export function colours(types) {
  const shown = types.slice(0, COLOURS);
  const taken = new Set();
  const given = new Map(types.map((type) => [type, 0]));
  for (const type of shown) {
    const colour = remembered.get(type);
    if (!colour || taken.has(colour)) continue;
    given.set(type, colour);
    taken.add(colour);
  }
  for (const type of shown.filter((each) => !given.get(each))) {
    const colour = firstFree(taken);
    given.set(type, colour);
    taken.add(colour);
    remembered.set(type, colour);
  }
  return given;
}

/**
 * @param {number} colour
 * @returns {string} The class of a swatch of this colour.
 */
export function swatchClass(colour) {
  return colour ? `swatch c${colour}` : "swatch";
}

/** @param {Set<number>} taken */
function firstFree(taken) {
  let colour = 1;
  while (taken.has(colour)) colour += 1;
  return colour;
}
