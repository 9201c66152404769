// Bring the page up to date after a gap: the server renders it again and the marked regions are
// exchanged. There is one rendering of a device, not one in Python and another one here.
import { keepFolds } from "./cards.js";
import { outcomesIn, restoreOutcomes } from "./relays.js";
import { recover } from "./session.js";
import { refreshTimes } from "./time.js";

const QUIET_MS = 400;
const AT_MOST_EVERY_MS = 3000;

let timer = 0;
let lastAt = 0;
let running = false;

export function refreshSoon() {
  if (timer) return;
  const wait = Math.max(QUIET_MS, lastAt + AT_MOST_EVERY_MS - Date.now());
  timer = setTimeout(refresh, wait);
}

async function refresh() {
  timer = 0;
  if (running || isBusy()) {
    refreshSoon();
    return;
  }
  running = true;
  lastAt = Date.now();
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    if (response.redirected && new URL(response.url).pathname !== location.pathname) {
      if (await recover()) refreshSoon(); // the session has ended
    } else if (response.ok) {
      const fresh = pageOf(await response.text());
      exchange(fresh);
      await fetchLater(fresh);
    }
  } catch {
    // The link is down; the banner says so and the next hello asks again.
  } finally {
    running = false;
  }
}

// Counting a large fleet takes longer than its page: such regions name the address that has them.
export async function fetchLater(page = document) {
  const regions = [...page.querySelectorAll("[data-refresh][data-later]")];
  for (const address of new Set(regions.map(({ dataset }) => dataset.later))) {
    try {
      const response = await fetch(address, { credentials: "same-origin" });
      if (response.ok && !response.redirected) exchange(pageOf(await response.text()));
    } catch {
      // The link is down; what is asked for after it has all regions again.
    }
  }
}

function pageOf(text) {
  return new DOMParser().parseFromString(text, "text/html");
}

// Never pull a form or a switch from under the reader's hands.
function isBusy() {
  return Boolean(
    document.querySelector('.editable--open, [data-refresh] [aria-busy="true"]') ||
      document.activeElement?.closest("[data-refresh] form"),
  );
}

function exchange(fresh) {
  for (const region of document.querySelectorAll("[data-refresh]")) {
    const name = CSS.escape(region.dataset.refresh);
    const next = fresh.querySelector(`[data-refresh="${name}"]`);
    if (!next || next.dataset.later || next.isEqualNode(region)) continue;
    const focused = focusPath(region);
    const outcomes = outcomesIn(region);
    const unfolded = [...region.querySelectorAll("details[open][id]")].map(({ id }) => id);
    keepFolds(region, next);
    region.replaceWith(document.adoptNode(next));
    restoreOutcomes(outcomes);
    for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
    refreshTimes(next);
    if (focused) next.querySelector(focused)?.focus({ preventScroll: true });
  }
  document.dispatchEvent(new CustomEvent("page:refreshed", { detail: { fresh } }));
}

const NAMES = ["id", "data-device-uid", "data-relay", "href"];

// By what it is and only then by where it stood: rows change places, and the next press of a key
// must not meet another device.
function focusPath(region) {
  const active = document.activeElement;
  if (!active || active === region || !region.contains(active)) return null;
  const steps = [];
  for (let at = active; at !== region; at = at.parentElement) {
    const own = ownName(at, region);
    if (own) return [own, ...steps].join(" > ");
    steps.unshift(`${at.localName}:nth-child(${[...at.parentElement.children].indexOf(at) + 1})`);
  }
  return `:scope > ${steps.join(" > ")}`;
}

// What nothing else in the region is called.
function ownName(element, region) {
  return NAMES.filter((name) => element.hasAttribute(name))
    .map((name) => `${element.localName}[${name}="${CSS.escape(element.getAttribute(name))}"]`)
    .find((selector) => region.querySelectorAll(selector).length === 1);
}
