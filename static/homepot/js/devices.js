// The device list: live rows, the claim dialog, the search key.
import { startClaimForms } from "./claim.js";
import { startCompleting } from "./completing.js";
import { live } from "./live.js";
import { startPicking } from "./picking.js";
import * as presence from "./presence.js";
import { fetchLater, refreshSoon } from "./refresh.js";
import { startRowKeys } from "./row-keys.js";
import { startSearchKey } from "./search.js";
import { startSwitches } from "./switches.js";

// Patches wait for the next frame, latest per device: a thousand updates a second cost one paint.
const patches = new Map();
const askedForMeters = new Set();

function patch(deviceUid, change) {
  if (patches.size === 0) requestAnimationFrame(apply);
  patches.set(deviceUid, { ...patches.get(deviceUid), ...change });
}

function rowOf(deviceUid) {
  return document.querySelector(`tr[data-device-uid="${CSS.escape(deviceUid)}"]`);
}

function apply() {
  for (const [deviceUid, change] of patches) {
    const row = rowOf(deviceUid);
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
  else if ("cpu_percent" in change.metrics && !askedForMeters.has(row.dataset.deviceUid)) {
    askedForMeters.add(row.dataset.deviceUid);
    refreshSoon(); // its first reading: the row gets meters
  }
}

function startLiveRows() {
  live.addEventListener("refetch", refreshSoon);
  live.addEventListener("frame:presence", ({ detail }) =>
    patch(detail.device_uid, { connectivity: detail.connectivity, lastSeenAt: detail.last_seen_at }),
  );
  live.addEventListener("frame:presence_changed", ({ detail }) => {
    const changed = new Set(detail.devices);
    for (const { dataset } of document.querySelectorAll("tr[data-device-uid]")) {
      if (changed.has(dataset.deviceUid)) patch(dataset.deviceUid, { connectivity: detail.connectivity });
    }
    refreshSoon(); // the numbers above the list, and who is not on this page
  });
  live.addEventListener("frame:metrics", ({ detail }) =>
    patch(detail.device_uid, { metrics: detail.metrics, lastSeenAt: detail.at }),
  );
  live.addEventListener("frame:device_removed", ({ detail }) => {
    rowOf(detail.device_uid)?.remove();
    refreshSoon(); // the numbers above the list
  });
  live.addEventListener("frame:device_added", refreshSoon);
  live.addEventListener("frame:site_outage", refreshSoon);
  live.addEventListener("frame:device_updated", refreshSoon);
  live.addEventListener("frame:device_state", ({ detail }) => {
    const row = rowOf(detail.device_uid);
    if (row && !row.querySelector("[data-relay]")) refreshSoon(); // it shows a count
  });
}

// One menu at a time; a press elsewhere or Escape closes it.
function startMenus() {
  const menus = [...document.querySelectorAll("[data-menu]")];
  const close = (but) => {
    for (const menu of menus) if (menu !== but) menu.open = false;
  };
  for (const menu of menus) menu.addEventListener("toggle", () => menu.open && close(menu));
  document.addEventListener("pointerdown", ({ target }) => close(target.closest("[data-menu]")));
  document.addEventListener("keydown", ({ key }) => {
    const open = key === "Escape" && menus.find((menu) => menu.open);
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
}

// The first device brings the search and the tabs, the last one takes them along.
function followToolbar() {
  document.addEventListener("page:refreshed", ({ detail }) => {
    const [mine, fresh] = [document, detail.fresh].map((at) => at.querySelector("[data-toolbar]"));
    if (mine && fresh) mine.hidden = fresh.hidden;
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
startSearchKey();
startCompleting();
startPicking();
startRowKeys();
startMenus();
followToolbar();
startClaimDialog();
startClaimForms();
fetchLater();
