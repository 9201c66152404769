// The log of one device's connections, shown anew whenever it comes or goes.
import { live } from "./live.js";
import { refreshSoon } from "./refresh.js";

const { presenceOf } = document.querySelector("[data-presence-of]").dataset;

live.addEventListener("refetch", refreshSoon);
live.addEventListener("frame:presence", ({ detail }) => {
  if (detail.device_uid === presenceOf) refreshSoon();
});
live.addEventListener("frame:presence_changed", ({ detail }) => {
  if (detail.devices.includes(presenceOf)) refreshSoon();
});
