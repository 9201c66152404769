// Pages about what was and what changes hands: shown anew whenever a device comes, goes or changes.
import { live } from "./live.js";
import { refreshSoon } from "./refresh.js";
import { startSearchKey } from "./search.js";

live.addEventListener("refetch", refreshSoon);
for (const kind of ["device_added", "device_removed", "device_updated"]) {
  live.addEventListener(`frame:${kind}`, refreshSoon);
}
startSearchKey();
