// Bulk enrolment: the figures move with each frame; what changes beyond them the server renders.
import { live } from "./live.js";
import { refreshSoon } from "./refresh.js";

const LOOK_AGAIN_MS = 3000;
const LOOKS = 40;

const shown = document.querySelector("[data-enrolment]")?.dataset.enrolment;
// A page that answers a form stands at the form's address: loading it again shall not send it again.
if (shown) history.replaceState(null, "", `/dashboard/enrol/${encodeURIComponent(shown)}${location.search}`);

function showProgress(frame) {
  const card = document.querySelector("[data-enrolment]");
  const bar = card?.querySelector("[data-progress]");
  if (!bar) return;
  const decided = frame.enrolled + frame.failed;
  bar.value = decided;
  card.querySelector("[data-enrolled]").textContent = frame.enrolled;
  card.querySelector("[data-failed]").textContent = frame.failed;
  const waiting = Math.max(0, Number(card.dataset.valid) - decided);
  card.querySelector("[data-waiting]").textContent = waiting;
}

live.addEventListener("refetch", refreshSoon);
live.addEventListener("frame:enrolment_progress", ({ detail }) => {
  if (shown && shown !== detail.enrolment) return;
  showProgress(detail);
  refreshSoon();
});

// The answer is a file, so the page stays: it looks until the server says that the keys are gone.
document.addEventListener("submit", ({ target }) => {
  if (!target.matches("[data-download]")) return;
  document.activeElement?.blur();
  let looks = 0;
  const timer = setInterval(() => {
    if (!target.isConnected && !document.querySelector("[data-download]")) clearInterval(timer);
    else if ((looks += 1) > LOOKS) clearInterval(timer);
    else refreshSoon();
  }, LOOK_AGAIN_MS);
});
