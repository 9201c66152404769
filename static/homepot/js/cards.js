// Cards that fold and stay as their reader left them, on every browser of theirs. In a template:
//
//   {% load cards %}
//   {% card "device.relays" "Relays" refresh="relays" note="4 channels" %} … {% endcard %}
//   {% card "device.credentials" "Credentials" folded=True flush=True %} … {% endcard %}
//
// renders <details class="card fold-card" data-card="device.relays" open>, open or closed as it
// was left (so nothing moves after the first paint). The key is "<page>.<card>", the same for all
// devices. A <details> of your own is remembered by <details class="…"{% card_state "page.card" %}>.
// shell.js starts this on every page of the console: nothing else to import.
import { remember } from "./preferences.js";

const known = new Map(); // card -> open, as it was last seen or stored

export function startCards() {
  learn();
  document.addEventListener("page:refreshed", learn);
  // `toggle` does not bubble, and also tells that a card was rendered open.
  document.addEventListener("toggle", ({ target }) => {
    const key = target.dataset?.card;
    if (!key || known.get(key) === target.open) return;
    known.set(key, target.open);
    const isAtFirst = target.open !== target.hasAttribute("data-card-folded");
    const state = isAtFirst ? null : target.open ? "open" : "closed";
    remember({ dashboard_layout: { cards: { [key]: state } } });
  }, true);
}

// A region that was fetched may be older than what its reader did meanwhile.
export function keepFolds(region, fresh) {
  for (const card of [fresh, ...fresh.querySelectorAll("[data-card]")]) {
    const before = cardOf(region, card.dataset.card);
    if (before) card.open = before.open;
  }
}

function cardOf(region, key) {
  if (!key) return null;
  return region.dataset.card === key
    ? region
    : region.querySelector(`[data-card="${CSS.escape(key)}"]`);
}

function learn() {
  for (const card of document.querySelectorAll("[data-card]")) known.set(card.dataset.card, card.open);
}
