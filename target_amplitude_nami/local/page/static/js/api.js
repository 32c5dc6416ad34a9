// Talks to the local Amplitude's JSON API.

/**
 * Asks the API and returns what it answers.
 * @param {string} path
 * @param {Record<string, unknown>} [query] Arrays repeat; empty values are left out.
 * @returns {Promise<any>}
 * @throws {Error} With a sentence for the reader.
 */
export function get(path, query = {}) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) {
      if (each !== null && each !== undefined && each !== "") parameters.append(name, String(each));
    }
  }
  return ask(parameters.size ? `${path}?${parameters}` : path);
}

/**
 * Changes something.
 * @param {"PUT" | "POST"} method
 * @param {string} path
 * @param {unknown} document
 * @returns {Promise<any>}
 * @throws {Error} With a sentence for the reader.
 */
export function send(method, path, document) {
  return ask(path, {
    method,
    // A foreign page cannot set this header, so it cannot change anything.
    headers: { "Content-Type": "application/json", "X-Local-Amplitude": "1" },
    body: JSON.stringify(document),
  });
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 */
async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The local Amplitude does not answer. Is it still running?");
  }
  const document = await answer.json().catch(() => null);
  if (answer.ok && document !== null) return document;
  throw new Error(document?.error ?? `The local Amplitude answered ${answer.status}.`);
}
