// What a relay on the page shows. Confirmed state and phase are apart: the switch's position is
// only ever what the device confirmed; pending, reverted and unsure are told beside it.
import { setTime, timeElement } from "./time.js";
import { onOff, who } from "./words.js";

const REVERTED_MS = 12000;
const forgetting = new WeakMap();

export function relayElement(deviceUid, index) {
  return document.querySelector(
    `[data-relays][data-device-uid="${CSS.escape(deviceUid)}"] [data-relay="${Number(index)}"]`,
  );
}

export const confirmedState = (element) => JSON.parse(element.dataset.isOn);

export function showConfirmed(element, relay) {
  const version = Number(relay.version ?? 0);
  if (version < Number(element.dataset.version ?? 0)) return; // an older report came late
  element.dataset.version = String(version);
  element.dataset.isOn = String(relay.is_on);
  const button = element.querySelector("[data-switch]");
  button.setAttribute("aria-checked", String(relay.is_on === true));
  button.hidden = relay.is_on === null;
  const unknown = element.querySelector("[data-unknown]");
  if (unknown) unknown.hidden = relay.is_on !== null;
  const word = element.querySelector("[data-state-word]");
  if (word) word.textContent = onOff(relay.is_on);
  const ownCommand = !element.dataset.pendingId || element.dataset.pendingId === relay.command_id;
  if (element.dataset.phase !== "pending" || ownCommand) settle(element, relay);
}

export function showPending(element, commandId) {
  stopForgetting(element);
  linkCommand(element, commandId);
  element.dataset.phase = "pending";
  if (commandId) element.dataset.pendingId = commandId;
  element.querySelector("[data-switch]").setAttribute("aria-busy", "true");
  detail(element, "Asking the board…");
}

export function showOutcome(element, sentence, isUnsure) {
  linkCommand(element, element.dataset.pendingId);
  endPending(element);
  element.dataset.phase = isUnsure ? "unsure" : "reverted";
  element.title = sentence;
  detail(element, sentence);
  if (!isUnsure) forgetting.set(element, setTimeout(() => calm(element), REVERTED_MS));
}

// What a refresh of the page must carry over: outcomes are told here, not stored in the page.
export function outcomesIn(region) {
  return [...region.querySelectorAll('[data-phase="reverted"], [data-phase="unsure"]')].map(
    (element) => ({
      deviceUid: element.closest("[data-relays]").dataset.deviceUid,
      index: element.dataset.relay,
      version: element.dataset.version,
      sentence: element.title,
      isUnsure: element.dataset.phase === "unsure",
    }),
  );
}

export function restoreOutcomes(outcomes) {
  for (const { deviceUid, index, version, sentence, isUnsure } of outcomes) {
    const element = relayElement(deviceUid, index);
    if (element?.dataset.version === version && element.dataset.phase !== "pending") {
      showOutcome(element, sentence, isUnsure);
    }
  }
}

export function endPending(element) {
  stopForgetting(element);
  delete element.dataset.phase;
  delete element.dataset.pendingId;
  element.removeAttribute("title");
  element.querySelector("[data-switch]").removeAttribute("aria-busy");
}

function settle(element, relay) {
  endPending(element);
  linkCommand(element, relay.command_id);
  const tried = element.querySelector("[data-tried]");
  if (tried) tried.hidden = true;
  if (relay.is_on === null) {
    detail(element, "Not reported yet");
    return;
  }
  const by = relay.source === "device" ? "reported by the device" : who(relay.changed_by);
  detail(element, `${by}, `, relay.changed_at);
}

function detail(element, text, at) {
  const place = element.querySelector("[data-detail]");
  if (!place) return;
  const kept = place.querySelector("time");
  place.replaceChildren(text);
  if (!at) return;
  if (kept) setTime(kept, at);
  place.append(kept ?? timeElement(at));
}

// Where the command behind what is shown is explained; nothing where no command is behind it.
function linkCommand(element, commandId) {
  const link = element.querySelector("[data-relay-why]");
  if (!link) return;
  link.hidden = !commandId;
  if (commandId) link.href = `/dashboard/commands/${encodeURIComponent(commandId)}`;
}

function calm(element) {
  endPending(element);
  detail(element, "");
}

function stopForgetting(element) {
  clearTimeout(forgetting.get(element));
  forgetting.delete(element);
}
