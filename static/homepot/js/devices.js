// The device list: live rows, the claim dialog, the search key.
import { startClaimForms } from "./claim.js";
import { live } from "./live.js";
import * as presence from "./presence.js";
import { refreshSoon } from "./refresh.js";
import { startSwitches } from "./switches.js";

// Patches wait for the next frame, latest per device: a thousand updates a second cost one paint.
const patches = new Map();

function patch(deviceUid, change) {
  if (patches.size === 0) requestAnimationFrame(apply);
  patches.set(deviceUid, { ...patches.get(deviceUid), ...change });
}

function apply() {
  for (const [deviceUid, change] of patches) {
    const row = document.querySelector(`tr[data-device-uid="${CSS.escape(deviceUid)}"]`);
    if (row) patchRow(row, change);
    else if (change.connectivity) refreshSoon();
  }
  patches.clear();
}

function patchRow(row, change) {
  if (change.connectivity && change.connectivity !== row.dataset.state) {
    presence.showConnectivity(row, change.connectivity);
    refreshSoon(); // the numbers above the list, and whether the filter still matches
  }
  if (change.lastSeenAt) presence.showLastSeen(row, change.lastSeenAt);
  if (!change.metrics) return;
  if (row.querySelector("[data-metric]")) presence.showMetrics(row, change.metrics);
  else if ("cpu_percent" in change.metrics) refreshSoon(); // its first reading: the row gets meters
}

function startLiveRows() {
  live.addEventListener("refetch", refreshSoon);
  live.addEventListener("frame:presence", ({ detail }) =>
    patch(detail.device_uid, { connectivity: detail.connectivity, lastSeenAt: detail.last_seen_at }),
  );
  live.addEventListener("frame:metrics", ({ detail }) =>
    patch(detail.device_uid, { metrics: detail.metrics, lastSeenAt: detail.at }),
  );
  live.addEventListener("frame:device_state", ({ detail }) => {
    const row = document.querySelector(`tr[data-device-uid="${CSS.escape(detail.device_uid)}"]`);
    if (row && !row.querySelector("[data-relay]")) refreshSoon(); // it shows a count
  });
}

function startSearch() {
  const search = document.querySelector("[data-search]");
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea, dialog");
    if (event.key !== "/" || isTyping || !search) return;
    event.preventDefault();
    search.focus();
  });
  document.querySelector("[data-filters] select")?.addEventListener("change", (event) => {
    event.target.form.requestSubmit();
  });
}

function startClaimDialog() {
  const dialog = document.querySelector("[data-claim-dialog]");
  const opener = document.querySelector("[data-open-claim]");
  if (!dialog || !opener) return;
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    dialog.showModal();
    dialog.querySelector("[name=claim_code]").focus();
  });
  dialog.querySelector("[data-close-dialog]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
}

startLiveRows();
startSwitches();
startSearch();
startClaimDialog();
startClaimForms();
