// Pages about one thing, shown anew when it changes: data-watch names the frames, data-watch-of
// the thing they must be about (anything, where it is empty).
import { live } from "./live.js";
import { refreshSoon } from "./refresh.js";

const { watch = "", watchOf = "" } = document.querySelector("[data-watch]")?.dataset ?? {};

function isAbout({ device_uid: device, command, batch, group_uid: group, devices }) {
  const names = [device, command?.device_uid, command?.id, batch, group, ...(devices ?? [])];
  return !watchOf || names.includes(watchOf);
}

live.addEventListener("refetch", refreshSoon);
for (const kind of watch.split(" ").filter(Boolean)) {
  live.addEventListener(`frame:${kind}`, ({ detail }) => {
    if (isAbout(detail)) refreshSoon();
  });
}

// Its life is over: what this page shows now is the archive, and nothing on it can be asked for.
const { deviceUid } = document.querySelector(".identity")?.dataset ?? {};
live.addEventListener("frame:device_removed", ({ detail }) => {
  if (deviceUid && detail.device_uid === deviceUid) location.reload();
});

// Of many pages of a device the one that is shown must be among the visible ones.
document
  .querySelector(".device-tabs [aria-current]")
  ?.scrollIntoView({ block: "nearest", inline: "center" });
