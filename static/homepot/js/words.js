// The console's plain words; OUTCOMES repeats ops/wording.py (a test compares the two).
export const OUTCOMES = {
  queued: "Waiting to be sent.",
  sent: "Sent, waiting for the device to answer.",
  acked: "The device has the command.",
  succeeded: "Confirmed by the device.",
  failed: "The device tried and failed.",
  rejected: "The device refused the command.",
  expired: "The command expired before the device ran it.",
  cancelled: "Cancelled before the device did it.",
  cancelled_by_device: "The device gave it up.",
  cancel_came_too_late: "Cancelling came too late: the device had answered.",
  superseded: "A newer command replaced this one.",
  timed_out: "No answer yet: outcome unknown.",
  device_offline: "The device is offline, so nothing was sent.",
  device_unpaired: "The device is no longer paired.",
  no_answer_yet: "No answer yet: outcome unknown.",
  outcome_unknown: "The device never answered: outcome unknown.",
  never_sent: "The command expired before it could be sent.",
  confirmed_by_state_report: "Confirmed by the device's own report.",
  permission_denied: "Your role does not allow switching here.",
  rate_limited: "Too many actions at once. Wait a moment.",
  not_authenticated: "Your session has ended. Log in again.",
  unavailable: "The server is busy. Try again.",
  unreachable: "The server cannot be reached: outcome unknown.",
};

export const CONNECTIVITY = {
  online: "Online",
  stale: "Stale",
  offline: "Offline",
  never_connected: "Never connected",
};

const FINAL = new Set(["succeeded", "failed", "rejected", "expired", "cancelled", "superseded"]);

// A timed out command with an end is over as well: nobody will ever know.
export const isOver = (command) => FINAL.has(command.state) || Boolean(command.finished_at);

export function outcome(state, reason, message) {
  return OUTCOMES[reason] ?? OUTCOMES[state] ?? message ?? "It did not work.";
}

export function commandOutcome({ state, reason, error }) {
  const told = outcome(state, reason);
  return error ? `${told} It says: ${error}` : told;
}

export function who(changedBy) {
  if (!changedBy) return "the device";
  return typeof changedBy === "string" ? changedBy : (changedBy.label ?? "the device");
}

export const onOff = (isOn) => (isOn === null ? "Unknown" : isOn ? "On" : "Off");
