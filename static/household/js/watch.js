// Pages shown anew when something about their subject changes: data-watch names the frames.
import { live } from "../../homepot/js/live.js";
import { refreshSoon } from "../../homepot/js/refresh.js";

live.addEventListener("refetch", refreshSoon);
for (const kind of document.querySelector("[data-watch]").dataset.watch.split(" ")) {
  live.addEventListener(`frame:${kind}`, refreshSoon);
}
