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
      exchange(new DOMParser().parseFromString(await response.text(), "text/html"));
    }
  } catch {
    // The link is down; the banner says so and the next hello asks again.
  } finally {
    running = false;
  }
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
    if (!next || next.isEqualNode(region)) continue;
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

function focusPath(region) {
  const active = document.activeElement;
  if (!active || !region.contains(active)) return null;
  const steps = [];
  for (let at = active; at !== region; at = at.parentElement) {
    steps.unshift(`${at.localName}:nth-child(${[...at.parentElement.children].indexOf(at) + 1})`);
  }
  return `:scope > ${steps.join(" > ")}`;
}
