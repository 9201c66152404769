// What the reader arranges for themselves, kept on the server: changes are gathered for a moment
// and sent as one merge patch (PATCH /api/v1/preferences), at the latest when the page is left.
//
//   remember({ dashboard_layout: { cards: { "device.relays": "closed" } } })   null removes
import { patch } from "./api.js";

const GATHER_MS = 800;
const PATH = "/api/v1/preferences";

let gathered = null;
let timer = 0;
let sending = Promise.resolve();

export function remember(change) {
  gathered = merged(gathered ?? {}, change);
  clearTimeout(timer);
  timer = setTimeout(send, GATHER_MS);
}

// Resolves when what was remembered so far has been sent, or has failed.
export function remembered() {
  if (gathered) send();
  return sending;
}

function send(options) {
  clearTimeout(timer);
  if (!gathered) return;
  const body = gathered;
  gathered = null;
  // One after the other: the server merges in the order in which they come.
  sending = sending.then(() => patch(PATH, body, options)).catch(() => {
    // The page keeps what was chosen; the next change of it is sent again.
  });
}

function merged(before, change) {
  const result = { ...before };
  for (const [name, value] of Object.entries(change)) {
    const nested = value !== null && typeof value === "object" && !Array.isArray(value);
    const held = result[name];
    const base = held !== null && typeof held === "object" && !Array.isArray(held) ? held : {};
    result[name] = nested ? merged(base, value) : value;
  }
  return result;
}

addEventListener("pagehide", () => send({ keepalive: true }));
