// Where charts get their buckets: one request for all metrics of a device that are wanted at once.
import { get } from "./api.js";

const AT_ONCE = 10; // what the metrics API answers in one request
let waiting = new Map(); // address without metrics -> requests

const iso = (seconds) => new Date(seconds * 1000).toISOString();

// `src` with `metrics` is the metrics API of a device, asked together with the other charts of this
// moment; without them it is asked as it is.
export function read({ src, metrics, span, points, by }) {
  const address = new URL(src, location.href);
  if (by === "range" && span.name) address.searchParams.set("range", span.name);
  if (by === "span" || (by === "range" && !span.name)) {
    address.searchParams.set("from", iso(span.from));
    if (span.to !== null) address.searchParams.set("to", iso(span.to));
  }
  if (by === "span") address.searchParams.set("points", String(points));
  if (!metrics.length) return get(`${address.pathname}${address.search}`);
  // Charts that ask in the same moment end in the same second, and so are one request.
  const key = `${address.pathname}?${points} ${span.name || address.search}`;
  const group = waiting.get(key) ?? { address, wanted: [] };
  waiting.set(key, group);
  if (waiting.size === 1 && !group.wanted.length) queueMicrotask(() => setTimeout(send));
  return new Promise((resolve, reject) => group.wanted.push({ metrics, resolve, reject }));
}

function send() {
  const groups = [...waiting.values()];
  waiting = new Map();
  for (const { address, wanted } of groups) {
    for (const part of parts(wanted)) ask(new URL(address), part);
  }
}

function parts(wanted) {
  const found = [];
  let names = new Set();
  for (const one of wanted) {
    const together = new Set([...names, ...one.metrics]);
    if (!found.length || together.size > AT_ONCE) {
      found.push([]);
      names = new Set(one.metrics);
    } else {
      names = together;
    }
    found.at(-1).push(one);
  }
  return found;
}

async function ask(address, part) {
  for (const metric of new Set(part.flatMap(({ metrics }) => metrics))) {
    address.searchParams.append("metric", metric);
  }
  try {
    const answer = await get(`${address.pathname}${address.search}`);
    for (const { resolve } of part) resolve(answer);
  } catch (error) {
    for (const { reject } of part) reject(error);
  }
}
