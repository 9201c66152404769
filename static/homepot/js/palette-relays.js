// Switching a relay from the palette: its line says what the device answered, never more.
import { post } from "./api.js";
import { announce } from "./announce.js";
import { commandOutcome, isOver, outcome } from "./words.js";

const WAIT_S = 5;

export async function switchRelay(entry, show) {
  if (entry.isAsked) return;
  const isOn = !entry.is_on;
  entry.isAsked = true;
  entry.said = "Asking the board…";
  show();
  const path = `/api/v1/devices/${encodeURIComponent(entry.device_uid)}/relays/${entry.relay_index}/commands`;
  try {
    const command = await post(path, { is_on: isOn, wait: WAIT_S });
    entry.said = told(entry, command, isOn);
  } catch (error) {
    entry.said = outcome(error.code, null, error.message);
  }
  entry.isAsked = false;
  announce(`${entry.title}: ${entry.said}`);
  show();
}

function told(entry, command, isOn) {
  if (command.state !== "succeeded") {
    return isOver(command) ? commandOutcome(command) : "No answer yet: see its page.";
  }
  const answered = command.result?.relays?.find(
    ({ relay_index: index }) => index === entry.relay_index,
  );
  entry.is_on = answered?.is_on ?? isOn;
  return `${entry.is_on ? "On" : "Off"}, confirmed. Switch ${entry.is_on ? "off" : "on"}?`;
}
