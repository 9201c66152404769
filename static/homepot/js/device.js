// The page of one device: live connectivity, relays, metrics; renaming.
import { live } from "./live.js";
import * as presence from "./presence.js";
import { refreshSoon } from "./refresh.js";
import { startRenaming } from "./rename.js";
import { startSwitches } from "./switches.js";
import { setTime } from "./time.js";

const page = document.querySelector("[data-device-page]");
const { deviceUid } = page.dataset;
let hasAskedForMeters = false;
const own = (handle) => ({ detail }) => {
  if ((detail.device_uid ?? detail.command?.device_uid) === deviceUid) handle(detail);
};

live.addEventListener("refetch", refreshSoon);
live.addEventListener("frame:presence", own((frame) => {
  presence.showConnectivity(page, frame.connectivity);
  presence.showLastSeen(page, frame.last_seen_at);
  refreshSoon(); // the bars and the log of its connections are the server's to write
}));
live.addEventListener("frame:presence_changed", ({ detail }) => {
  if (!detail.devices.includes(deviceUid)) return;
  presence.showConnectivity(page, detail.connectivity);
  refreshSoon();
});
live.addEventListener("frame:metrics", own((frame) => {
  if (!page.querySelector("[data-metric]") && !hasAskedForMeters) refreshSoon();
  hasAskedForMeters = true;
  presence.showMetrics(page, frame.metrics);
  setTime(page.querySelector("[data-metrics-at] time"), frame.at);
  presence.showLastSeen(page, frame.at);
}));
// Its life is over: what the page shows now is the archive.
live.addEventListener("frame:device_removed", own(() => {
  // What its site called it is free again: the archive goes by the uid.
  const archive = `/dashboard/devices/${encodeURIComponent(deviceUid)}`;
  if (location.pathname === archive) location.reload();
  else location.replace(archive);
}));
live.addEventListener("frame:device_updated", own(refreshSoon));
// The lists of actions and changes are the server's to write.
live.addEventListener("frame:command_updated", own(refreshSoon));
live.addEventListener("frame:twin_changed", own(refreshSoon));
live.addEventListener("frame:device_state", own(refreshSoon));
live.addEventListener("frame:sensor_state", own(refreshSoon));
document.addEventListener("page:refreshed", ({ detail }) => {
  const state = detail.fresh.querySelector("[data-device-page]")?.dataset.state;
  if (state) presence.showConnectivity(page, state);
});

startSwitches();
startRenaming(deviceUid);
