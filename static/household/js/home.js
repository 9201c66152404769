// The first page: devices come, go and change without a reload, and the numbers with them.
import { announce } from "../../homepot/js/announce.js";
import { live } from "../../homepot/js/live.js";
import * as presence from "../../homepot/js/presence.js";
import { refreshSoon } from "../../homepot/js/refresh.js";
import { keep } from "./last-known.js";
import { startTiles } from "./tiles.js";

const cardOf = (uid) => document.querySelector(`[data-device-card][data-device-uid="${CSS.escape(uid)}"]`);

// Only where every device is on the page can it be counted here; otherwise the server does.
function recount() {
  const counters = document.querySelector("[data-counters]");
  if (counters?.dataset.whole !== "true") return;
  const cards = [...document.querySelectorAll("[data-device-card]")];
  const connected = cards.filter(({ dataset }) => dataset.state === "online" || dataset.state === "stale");
  write(counters, "total", cards.length);
  write(counters, "online", connected.length);
  const on = document.querySelectorAll('[data-device-card] [data-relay][data-is-on="true"]').length;
  write(counters, "on", on);
  counters.querySelector("[data-count-on]").hidden = !document.querySelector("[data-device-card] [data-relay]");
  counters.querySelector('[data-count-word="total"]').textContent = cards.length === 1 ? "device" : "devices";
}

function write(counters, name, number) {
  const place = counters.querySelector(`[data-count="${name}"]`);
  if (place && place.textContent !== String(number)) place.textContent = String(number);
}

let isAsked = false;
function settle() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    recount();
    if (document.querySelector("[data-all-rooms]")) keep();
  });
}

function showPresence(uid, connectivity, at) {
  const card = cardOf(uid);
  if (!card) {
    refreshSoon();
    return;
  }
  presence.showConnectivity(card, connectivity);
  if (at) presence.showLastSeen(card, at);
  settle();
}

function startLiveCards() {
  live.addEventListener("refetch", refreshSoon);
  live.addEventListener("frame:presence", ({ detail }) => showPresence(detail.device_uid, detail.connectivity, detail.last_seen_at));
  live.addEventListener("frame:presence_changed", ({ detail }) => {
    for (const uid of detail.devices) showPresence(uid, detail.connectivity, null);
  });
  live.addEventListener("frame:metrics", ({ detail }) => {
    const card = cardOf(detail.device_uid);
    if (card) presence.showLastSeen(card, detail.at);
  });
  live.addEventListener("frame:device_removed", ({ detail }) => {
    const card = cardOf(detail.device_uid);
    const name = card?.querySelector("[data-card-name]").textContent;
    card?.remove();
    if (name) announce(`${name} is no longer here`);
    settle();
    refreshSoon();
  });
  for (const kind of ["device_added", "device_updated", "sensor_state"]) live.addEventListener(`frame:${kind}`, refreshSoon);
  live.addEventListener("frame:device_state", settle);
  live.addEventListener("frame:command_updated", settle);
  document.addEventListener("page:refreshed", settle);
}

startTiles();
startLiveCards();
settle();
