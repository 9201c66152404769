// The page of one device, and the step that tries it: what changes about it is shown at once.
import { live } from "../../homepot/js/live.js";
import * as presence from "../../homepot/js/presence.js";
import { refreshSoon } from "../../homepot/js/refresh.js";
import { startTiles } from "./tiles.js";

const page = document.querySelector("[data-device-page]");
const { deviceUid } = page.dataset;
const own = (handle) => ({ detail }) => {
  if ((detail.device_uid ?? detail.command?.device_uid) === deviceUid) handle(detail);
};

live.addEventListener("refetch", refreshSoon);
live.addEventListener("frame:presence", own(({ connectivity, last_seen_at: at }) => {
  presence.showConnectivity(page, connectivity);
  presence.showLastSeen(page, at);
  refreshSoon();
}));
live.addEventListener("frame:presence_changed", ({ detail }) => {
  if (!detail.devices.includes(deviceUid)) return;
  presence.showConnectivity(page, detail.connectivity);
  refreshSoon();
});
live.addEventListener("frame:metrics", own(({ at }) => presence.showLastSeen(page, at)));
// Unpaired, here or anywhere: what is shown now is what was kept of it.
live.addEventListener("frame:device_removed", own(() => {
  const kept = `/app/devices/${encodeURIComponent(deviceUid)}`;
  if (location.pathname === kept) location.reload();
  else location.replace(kept);
}));
for (const kind of ["device_updated", "command_updated", "device_state", "sensor_state", "twin_changed", "config_confirmed"]) {
  live.addEventListener(`frame:${kind}`, own(refreshSoon));
}
document.addEventListener("page:refreshed", ({ detail }) => {
  const state = detail.fresh.querySelector("[data-device-page]")?.dataset.state;
  if (state) presence.showConnectivity(page, state);
});
startTiles();
