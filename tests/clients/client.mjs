// Sends events with Amplitude's own Node client, as a program that others can talk to.
//
// It reads one JSON line, {"url", "apiKey", "options", "events"}, and writes the
// client's verdict on each event as {"results": [...]}. Where the client wants to wait
// for long, it writes {"waits": milliseconds} and goes on when it reads another line.
import { createInterface } from "node:readline";
import { createInstance, Types } from "@amplitude/analytics-node";

const LONG = 20_000; // More than it gives a request, less than a throttled user waits.
const held = new Set();
const { setTimeout: set, clearTimeout: clear } = globalThis;

globalThis.setTimeout = (action, milliseconds = 0, ...values) => {
  if (milliseconds < LONG) return set(action, milliseconds, ...values);
  const timer = { run: () => action(...values) };
  held.add(timer);
  say({ waits: milliseconds });
  return timer;
};
globalThis.clearTimeout = (timer) => held.delete(timer) || clear(timer);

function say(document) {
  process.stdout.write(`${JSON.stringify(document)}\n`);
}

async function send({ url, apiKey, options, events }) {
  const client = createInstance();
  await client.init(apiKey, {
    serverUrl: url,
    flushIntervalMillis: 50,
    logLevel: Types.LogLevel.None,
    ...options,
  }).promise;
  const results = await Promise.all(events.map((event) => client.track(event).promise));
  say({ results: results.map(({ code, message }) => ({ code, message })) });
}

let sending;
for await (const line of createInterface({ input: process.stdin })) {
  if (sending) {
    const waiting = [...held];
    held.clear();
    waiting.forEach((timer) => timer.run());
  } else {
    sending = send(JSON.parse(line)).then(() => process.exit());
  }
}
