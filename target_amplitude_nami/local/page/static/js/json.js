// Shows JSON text laid out and coloured, with every digit as it was sent.
import { el } from "./dom.js";
import { copyButton } from "./copy.js";

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+|"/gs;
const COLOURED_UP_TO = 200_000; // Characters; more would take the browser too long.

/**
 * Returns a block with a button that copies the text as it is.
 * @param {string} text
 * @param {{name: string, mark?: string | null}} options `mark` names a key of the
 *   outermost object whose line is marked.
 */
export function jsonBlock(text, { name, mark = null }) {
  const code = el("code", {});
  if (text.length > COLOURED_UP_TO) code.textContent = text;
  else code.append(...layOut(text, mark));
  return el(
    "div",
    { class: "json" },
    el("pre", { tabindex: 0, role: "group", "aria-label": name }, code),
    copyButton(text, name),
  );
}

/**
 * Returns a JSON value coloured on one line; null if there is none.
 * @param {string | null} text
 */
export function jsonInline(text) {
  if (text === null) return el("span", { class: "muted" }, "–");
  const spaced = tokens(text).map((token) => (",:".includes(token) ? `${token} ` : token));
  return el("code", {}, ...spaced.map((token) => coloured(token, "")));
}

/**
 * @param {string} text
 * @returns {string[]}
 */
function tokens(text) {
  return text.match(TOKEN) ?? [];
}

/** @typedef {{depth: number, parts: (Node | string)[], marked: boolean}} Line */

/**
 * @param {string} text
 * @param {string | null} mark
 */
function layOut(text, mark) {
  const all = tokens(text);
  let line = emptyLine(0);
  const lines = [line];
  let depth = 0;
  all.forEach((token, index) => {
    const [before, after] = [all[index - 1], all[index + 1]];
    const closes = token === "}" || token === "]";
    if (closes) depth -= 1;
    if (closes && !isPair(before, token)) lines.push((line = emptyLine(depth)));
    line.parts.push(coloured(token === ":" ? ": " : token, after));
    line.marked ||= depth === 1 && after === ":" && isKey(token, mark);
    const opens = token === "{" || token === "[";
    if (opens) depth += 1;
    if ((opens && !isPair(token, after)) || token === ",") lines.push((line = emptyLine(depth)));
  });
  return lines.map(drawLine);
}

/**
 * @param {number} depth
 * @returns {Line}
 */
function emptyLine(depth) {
  return { depth, parts: [], marked: false };
}

/** @param {Line} line */
function drawLine({ depth, parts, marked }) {
  const indent = "  ".repeat(Math.max(depth, 0));
  return marked ? el("mark", {}, indent, ...parts) : el("span", {}, indent, ...parts, "\n");
}

/**
 * @param {string} open
 * @param {string} close
 */
function isPair(open, close) {
  return (open === "{" && close === "}") || (open === "[" && close === "]");
}

/**
 * @param {string} token
 * @param {string | null} key
 */
function isKey(token, key) {
  return key !== null && token === JSON.stringify(key);
}

/**
 * @param {string} token
 * @param {string} after
 */
function coloured(token, after) {
  const kind = kindOf(token, after);
  return kind ? el("span", { class: kind }, token) : token;
}

/**
 * @param {string} token
 * @param {string} after
 */
function kindOf(token, after) {
  if (token.startsWith('"')) return after === ":" ? "j-key" : "j-text";
  if (/^[-\d]/.test(token)) return "j-number";
  return /^(true|false|null)$/.test(token) ? "j-word" : null;
}
