// Tiles draw what was asked while it waits, and go back to what is true when it is refused.
import { announce } from "../../homepot/js/announce.js";
import { live } from "../../homepot/js/live.js";
import * as relays from "../../homepot/js/relays.js";
import { startSwitches } from "../../homepot/js/switches.js";

const TOAST_MS = 6000;
const NOT_SENT = "This phone has no connection, so nothing was sent.";
let hiding = 0;

// Before the switches hear of it: these listeners are added first.
function startAsking() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-switch], [data-explicit]");
    const tile = button?.closest("[data-relay]");
    if (!tile || tile.dataset.phase === "pending") return;
    if (!navigator.onLine) {
      event.stopImmediatePropagation();
      relays.showOutcome(tile, NOT_SENT, false);
      announce(`${nameOf(tile)}: ${NOT_SENT}`);
      return;
    }
    const isOn = button.dataset.explicit ? button.dataset.explicit === "true" : tile.dataset.isOn !== "true";
    tile.dataset.asked = String(isOn);
  }, true);
  document.addEventListener("click", (event) => {
    const all = event.target.closest("[data-all]");
    if (!all) return;
    for (const tile of all.closest("[data-refresh]").querySelectorAll("[data-relay]")) tile.dataset.asked = all.dataset.all;
  }, true);
  // Somebody else, a rule, another phone: their wish is drawn here too.
  live.addEventListener("frame:command_updated", ({ detail: { command } }) => {
    for (const tile of tilesOf(command)) tile.dataset.asked = String(command.payload?.is_on === true);
  });
}

function tilesOf({ kind, device_uid: uid, payload }) {
  const list = document.querySelector(`[data-relays][data-device-uid="${CSS.escape(uid)}"]`);
  if (!list || (kind !== "set_relay" && kind !== "set_all_relays")) return [];
  const tiles = [...list.querySelectorAll("[data-relay]")];
  return kind === "set_all_relays" ? tiles : tiles.filter((tile) => Number(tile.dataset.relay) === payload?.relay_index);
}

// A refusal is told where the finger was, and where it can be read in full.
function startTelling() {
  const toast = document.querySelector("[data-toast]");
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (target.dataset.phase === "reverted" && target.dataset.told !== target.title) tell(toast, target);
      if (!target.dataset.phase) delete target.dataset.told;
    }
  }).observe(document.body, { subtree: true, attributeFilter: ["data-phase"] });
}

function tell(toast, tile) {
  tile.dataset.told = tile.title;
  toast.textContent = `${nameOf(tile)}: ${tile.title}`;
  toast.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => (toast.hidden = true), TOAST_MS);
}

const nameOf = (tile) => tile.querySelector("[data-relay-name]").textContent;

export function startTiles() {
  startAsking();
  startTelling();
  startSwitches();
}
