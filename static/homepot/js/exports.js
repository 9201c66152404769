// The exports of the viewer: how far each is, and the page anew when one is ready.
import { live } from "./live.js";
import { refreshSoon } from "./refresh.js";

live.addEventListener("refetch", refreshSoon);
live.addEventListener("frame:export_updated", ({ detail }) => {
  const row = document.querySelector(`[data-export="${CSS.escape(detail.export)}"]`);
  const bar = row?.querySelector("[data-export-bar]");
  if (!bar || detail.state !== "running") {
    refreshSoon();
    return;
  }
  bar.max = Math.max(detail.total, 1);
  bar.value = detail.done;
  row.querySelector("[data-export-count]").textContent = `${detail.done} of ${detail.total}`;
});

// Who is limited to sites gets no frames of files: while one is being made, look now and then.
setInterval(() => {
  if (document.querySelector("[data-export-bar]") && !document.hidden) refreshSoon();
}, 5000);
