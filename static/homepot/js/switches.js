// Switching: a click asks, the device decides, the page tells the truth.
import { get, post } from "./api.js";
import { live } from "./live.js";
import * as relays from "./relays.js";
import { announce } from "./announce.js";
import { commandOutcome, isOver, onOff, outcome } from "./words.js";

const WAIT_S = 5;
const POLL_MS = 2000;
const POLLS = 15;

// command id -> {element, finish}: whoever hears of the outcome first, socket or poll, tells it.
const waiting = new Map();

export function startSwitches() {
  document.addEventListener("click", (event) => {
    const all = event.target.closest("[data-all]");
    if (all) switchAll(all);
    const explicit = event.target.closest("[data-explicit]");
    if (explicit) switchOne(explicit.closest("[data-relay]"), explicit.dataset.explicit === "true");
    const button = event.target.closest("[data-switch]");
    if (button) {
      const element = button.closest("[data-relay]");
      switchOne(element, !relays.confirmedState(element));
    }
  });
  live.addEventListener("frame:device_state", ({ detail }) => showState(detail));
  live.addEventListener("frame:command_updated", ({ detail }) => heard(detail.command));
  document.addEventListener("page:refreshed", followPending);
  followPending();
}

function followPending() {
  for (const element of document.querySelectorAll("[data-pending-id]")) {
    follow(element.dataset.pendingId);
  }
}

export function showState({ device_uid: deviceUid, relays: states }) {
  for (const state of states ?? []) {
    const element = relays.relayElement(deviceUid, state.relay_index);
    if (!element) continue;
    const wasOpen = element.dataset.phase === "pending" || element.dataset.phase === "unsure";
    relays.showConfirmed(element, state);
    if (wasOpen && !element.dataset.phase) sayConfirmed(element, state.is_on);
  }
}

async function switchOne(element, isOn) {
  if (element.dataset.phase === "pending") return;
  const { deviceUid } = element.closest("[data-relays]").dataset;
  relays.showPending(element);
  const path = `/api/v1/devices/${encodeURIComponent(deviceUid)}/relays/${element.dataset.relay}/commands`;
  try {
    const command = await post(path, { is_on: isOn, wait: WAIT_S });
    current(element).dataset.pendingId = command.id;
    heard(command);
    if (!isOver(command)) follow(command.id);
  } catch (error) {
    tell(current(element), outcome(error.code, null, error.message), error.code === "unreachable");
  }
}

async function switchAll(button) {
  const panel = button.closest("[data-refresh]");
  const list = panel.querySelector("[data-relays]");
  const notice = panel.querySelector("[data-panel-error]");
  const elements = [...list.querySelectorAll("[data-relay]")];
  notice.hidden = true;
  elements.forEach((element) => relays.showPending(element));
  const path = `/api/v1/devices/${encodeURIComponent(list.dataset.deviceUid)}/relays/commands`;
  try {
    const command = await post(path, { is_on: button.dataset.all === "true", wait: WAIT_S });
    heard(command);
    if (!isOver(command)) follow(command.id);
  } catch (error) {
    const sentence = outcome(error.code, null, error.message);
    elements.map(current).forEach((element) => relays.endPending(element));
    notice.textContent = sentence;
    notice.hidden = false;
    announce(sentence);
  }
}

// A command changed, wherever it was given: in this page, another browser, a rule.
function heard(command) {
  if (command.kind !== "set_relay" && command.kind !== "set_all_relays") return;
  const elements = touched(command);
  if (command.state === "succeeded") {
    waiting.delete(command.id);
    for (const element of elements) succeed(element, command);
  } else if (isOver(command) || command.state === "timed_out") {
    if (isOver(command)) waiting.delete(command.id);
    const sentence = commandOutcome(command);
    // A newer command of the same relay has taken over the display.
    const own = elements.filter((element) => isShowing(element, command));
    own.forEach((element) => tell(element, sentence, command.state === "timed_out"));
  } else {
    elements.forEach((element) => relays.showPending(element, command.id));
  }
}

function succeed(element, command) {
  // Once settled, only a newer report may move the switch: an answer can be older than the socket.
  if (!["pending", "unsure"].includes(element.dataset.phase) || !isShowing(element, command)) return;
  const confirmed = command.result?.relays?.find(
    (relay) => relay.relay_index === Number(element.dataset.relay),
  );
  const isOn = confirmed?.is_on ?? command.payload?.is_on;
  const label = command.cause?.[0]?.label;
  relays.endPending(element);
  relays.showConfirmed(element, {
    is_on: isOn,
    version: confirmed?.version ?? element.dataset.version,
    changed_by: label,
    changed_at: command.finished_at,
    command_id: command.id,
  });
  sayConfirmed(element, isOn);
}

function sayConfirmed(element, isOn) {
  announce(`${nameOf(element)}: ${onOff(isOn)}, confirmed`);
}

function touched(command) {
  const list = document.querySelector(
    `[data-relays][data-device-uid="${CSS.escape(command.device_uid)}"]`,
  );
  if (!list) return [];
  const elements = [...list.querySelectorAll("[data-relay]")];
  if (command.kind === "set_all_relays") return elements;
  return elements.filter((item) => Number(item.dataset.relay) === command.payload?.relay_index);
}

const isShowing = (element, command) =>
  !element.dataset.pendingId || element.dataset.pendingId === command.id;

// The socket may be down: ask until the command is final or nobody can know any more.
async function follow(commandId) {
  if (waiting.has(commandId)) return;
  waiting.set(commandId, true);
  for (let poll = 0; poll < POLLS && waiting.has(commandId); poll += 1) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (!waiting.has(commandId)) return;
    try {
      heard(await get(`/api/v1/commands/${encodeURIComponent(commandId)}`));
    } catch {
      // Asked again in a moment; the last state shown stays.
    }
  }
  waiting.delete(commandId);
}

function tell(element, sentence, isUnsure) {
  relays.showOutcome(element, sentence, isUnsure);
  announce(`${nameOf(element)}: ${sentence}`);
}

// A refresh may have exchanged the element while the request was under way.
function current(element) {
  if (element.isConnected) return element;
  const { deviceUid } = element.closest("[data-relays]").dataset;
  return relays.relayElement(deviceUid, element.dataset.relay) ?? element;
}

const nameOf = (element) => element.querySelector("[data-relay-name]")?.textContent ?? "Relay";
